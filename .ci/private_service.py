"""The service on a private database in a temporary folder, for the scripts of CI."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

PASSWORD = "correct horse battery staple"


def fail(message):
    sys.exit(f"{sys.argv[0]}: {message}")


class Service:
    """The service on a private database."""

    def __init__(self, program, folder):
        self.output = folder / "output"
        environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "HOST")}
        environment.update(
            BLOCKYARD_DIR=str(folder / "database"),
            PORT="0",
            LOG_FILE="off",
            LOG_LEVEL="warn",
            NO_COLOR="1",
            # Longer than the runs; wrong passwords are among what is sent.
            ACCESS_TOKEN_SECONDS="7200",
            LOGIN_ADDRESS_LIMIT="100000",
        )
        with self.output.open("wb") as output:
            self.process = subprocess.Popen([program], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        # The first start may have to download PostgreSQL.
        for _ in range(1200):
            said = self.output.read_text(errors="replace")
            url = re.search(r"listens on (http://\S+)", said)
            if url and (password := re.search(r"^ +password +(\S+)$", said, re.M)):
                self.url, self.admin_password = url[1], password[1]
                if self.lives():
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.stop()
        fail(f"the service does not start:\n{self.output.read_text(errors='replace')}")

    def lives(self):
        try:
            return urllib.request.urlopen(f"{self.url}/health/ready", timeout=5).status == 200
        except OSError:
            return False

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()

    def login(self, username, password):
        return Person(self, self.send("POST", "/auth/login", {"username": username, "password": password})["access_token"])

    def send(self, method, path, body=None, token=None):
        request = urllib.request.Request(self.url + path, method=method)
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or "null")
        except urllib.error.HTTPError as error:
            fail(f"{method} {path}: {error.code} {error.read().decode(errors='replace')}")


class Person:
    def __init__(self, service, token):
        self.service, self.token = service, token

    def get(self, path):
        return self.service.send("GET", path, token=self.token)

    def post(self, path, body):
        return self.service.send("POST", path, body, self.token)
