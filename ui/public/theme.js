// Sets theme and language before the first paint. A file, not an inline script, so that the page needs no 'unsafe-inline'.
(() => {
  const root = document.documentElement;
  const read = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const theme = read("kaname.theme") || "system";
  const dark = theme === "dark" || (theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "dark" : "light";
  root.lang = read("kaname.lang") || (navigator.language.startsWith("ja") ? "ja" : "en");
})();
