"use strict";

// What "Try it out" fills in, it also sends. So an optional parameter has neither example nor default here;
// its description says the default.
function withoutUnasked(document) {
  const resolved = (value) =>
    value.$ref ? value.$ref.slice(2).split("/").reduce((at, name) => at[name], document) : value;
  const asked = (parameter) => {
    if (parameter.required) return parameter;
    const { example, examples, ...rest } = parameter;
    const { default: unless, example: shown, examples: more, ...schema } = resolved(parameter.schema ?? {}) ?? {};
    const said = unless === undefined ? "" : `\n\n\`${unless}\` unless given.`;
    return { ...rest, schema, description: (parameter.description ?? "") + said };
  };
  for (const path of Object.values(document.paths)) {
    for (const operation of Object.values(path)) {
      if (operation.parameters) operation.parameters = operation.parameters.map((it) => asked(resolved(it)));
    }
  }
  return document;
}

// Swagger UI shows the source of an SVG. As an image it can neither run nor load anything.
const Pictures = () => ({
  wrapComponents: {
    responseBody: (Original, { React }) => (props) =>
      props.contentType?.startsWith("image/svg+xml") && typeof props.content === "string"
        ? React.createElement("img", {
            src: `data:image/svg+xml,${encodeURIComponent(props.content)}`,
            alt: "The drawing",
            style: { maxWidth: "100%", background: "#fff" },
          })
        : React.createElement(Original, props),
  },
});

const Unasked = () => ({
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec: (original) => (document) =>
          original(document.paths ? withoutUnasked(structuredClone(document)) : document),
      },
    },
  },
});

window.onload = () => {
  window.ui = SwaggerUIBundle({
    url: "../openapi.json",
    dom_id: "#swagger-ui",
    deepLinking: true,
    docExpansion: "none",
    filter: true,
    tryItOutEnabled: true,
    displayRequestDuration: true,
    persistAuthorization: true,
    defaultModelsExpandDepth: 0,
    validatorUrl: null,
    plugins: [Pictures, Unasked],
  });
};
