-- What wrk sends, as the file named by its first argument describes it (see load.py):
-- a request whose path may have one random number and its body two, or one of several choices.
local plan, headers
local threads = 0

function setup(thread)
    threads = threads + 1
    thread:set("number_of_thread", threads)
end

function init(arguments)
    plan = dofile(arguments[1])
    headers = plan.headers
    math.randomseed(plan.seed + number_of_thread)
end

function request()
    local path, body = plan.path, plan.body
    if plan.choices then
        local choice = plan.choices[math.random(#plan.choices)]
        path = choice.path
        headers["If-None-Match"] = choice.etag
    elseif plan.low then
        path = path:format(math.random(plan.low, plan.high))
    end
    if body then
        body = body:format(math.random(1, 1000000000), math.random(1, 1000000000))
    end
    return wrk.format(plan.method, path, headers, body)
end

function done(summary, latency, _)
    local errors = summary.errors
    io.write(string.format(
        '\n{"requests": %d, "seconds": %.6f, "p50": %.4f, "p99": %.4f, "refused": %d, "broken": %d, "bytes": %d}\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        errors.status, errors.connect + errors.read + errors.write + errors.timeout, summary.bytes))
end
