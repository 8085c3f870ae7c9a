// Security keys and passkeys: asks the browser, puts its answer into the form and sends it.
document.querySelectorAll("form[data-webauthn]").forEach(function (form) {
  var options = JSON.parse(document.getElementById("webauthn-options").textContent);
  form.addEventListener("submit", function (event) {
    event.preventDefault();
    var adds = form.dataset.webauthn === "add";
    var asked = adds ? webauthnJSON.create(options.creation_options) : webauthnJSON.get(options.request_options);
    asked.then(function (credential) {
      form.querySelector("[name=credential]").value = JSON.stringify(credential);
      // Sent without asking again: submit() raises no event.
      form.submit();
    }).catch(function () {
      document.querySelector("[data-webauthn-problem]").textContent = "Your browser got no answer from a key; try again.";
    });
  });
});
