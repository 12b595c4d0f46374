// What the browser keeps outlives a refresh in a cookie: in the address, whoever was sent a link would take it over.
export default function ({ data }) {
  const value = encodeURIComponent(data.value);
  document.cookie = `${data.cookie}=${value}; path=/; max-age=31536000; SameSite=Lax`;
}
