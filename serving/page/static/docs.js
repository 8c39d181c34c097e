// Starts the reference on the document that this server makes.
"use strict";
window.SwaggerUIBundle({ url: "/openapi.json", dom_id: "#reference", deepLinking: true, validatorUrl: null });
