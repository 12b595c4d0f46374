// The reviewer's name outlives a refresh in a cookie: in the address, whoever was sent a link would sign with it.
export default function ({ data }) {
  const name = encodeURIComponent(data.name);
  document.cookie = `${data.cookie}=${name}; path=/; max-age=31536000; SameSite=Lax`;
}
