// Before the page is painted: light or dark, where the reader has chosen one. Otherwise the system says.
try {
  const theme = localStorage.getItem("nfqueue-theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Without storage the choice lasts as long as the page.
}
