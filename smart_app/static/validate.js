// Drop a file or paste a resource anywhere on the page. Without this the form works just the same.

const form = document.querySelector("#check");
const file = form.querySelector("#file");
const source = form.querySelector("#source");
const status = form.querySelector("#check-status");

for (const hint of document.querySelectorAll(".drop-hint")) hint.hidden = false;

const bringsFiles = (event) => event.dataTransfer?.types.includes("Files");

document.addEventListener("dragover", (event) => {
  if (!bringsFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("is-dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("is-dropping");
});
document.addEventListener("drop", (event) => {
  document.body.classList.remove("is-dropping");
  if (!bringsFiles(event) || !event.dataTransfer.files.length) return;
  event.preventDefault();
  const one = new DataTransfer();
  one.items.add(event.dataTransfer.files[0]);
  file.files = one.files;
  form.requestSubmit();
});
document.addEventListener("paste", (event) => {
  if (event.target.closest?.("textarea, input")) return;
  const text = event.clipboardData.getData("text/plain");
  if (!text) return;
  event.preventDefault();
  file.value = "";
  source.value = text;
  status.textContent = form.dataset.pasted;
  form.querySelector(".button").focus();
});
