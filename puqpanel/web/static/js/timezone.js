/* Sends the time zone with later requests; the first page is rendered in UTC. */
"use strict";

{
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && !document.cookie.includes(`zone=${encodeURIComponent(zone)}`)) {
    setCookie("zone", zone);
  }
}
