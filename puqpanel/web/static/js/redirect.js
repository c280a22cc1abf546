/* Follows the link to a payment provider's page, once: the browser's Back shows the link instead. */
"use strict";

{
  const link = $("a[data-go]");
  if (link) {
    const url = new URL(location.href);
    url.searchParams.delete("go");
    history.replaceState(null, "", url);
    location.assign(link.href);
  }
}
