# SPDX-License-Identifier: LGPL-2.1-or-later
# Varnish in front of Penstock's HLS, low latency too: many players ask it for the same playlist or
# part, and it asks Penstock once. Waiting requests take part in that, so a part reaches all players
# at the same time.
#     varnishd -a :80 -f /etc/varnish/penstock.vcl -s malloc,1G
vcl 4.1;

backend penstock {
    .host = "127.0.0.1"; # HOST: where Penstock runs
    .port = "8080";      # PORT: its parameter `http`
    # A playlist or part that is not there yet is waited for up to three target durations.
    .first_byte_timeout = 60s;
    .between_bytes_timeout = 60s;
}

sub vcl_recv {
    # A live stream in one answer is no object: it goes through. HLS has segments of the same names'
    # endings.
    if (req.http.Upgrade || (req.url ~ "^[^?]*\.(flv|ts|mp3|aac|og[ga]|opus)(\?|$)" &&
            req.url !~ "^[^?]*/(seg|part|init)-[^/?]*(\?|$)")) {
        return (pipe);
    }
    # Penstock sets no cookies, and one of another site on this name must not defeat the cache.
    unset req.http.Cookie;
}

sub vcl_pipe {
    if (req.http.Upgrade) {
        set bereq.http.Upgrade = req.http.Upgrade;
        set bereq.http.Connection = req.http.Connection;
    }
}

sub vcl_backend_response {
    # Penstock says how long each answer is good. A playlist that is too old is worse than none.
    set beresp.grace = 0s;
    set beresp.keep = 0s;
    # "Too early" and "not there" may come true a moment later: nobody is kept from asking again,
    # and those who ask at the same time still share one answer.
    if (beresp.status >= 400 && beresp.http.Cache-Control ~ "no-store") {
        set beresp.ttl = 0s;
        set beresp.uncacheable = true;
        return (deliver);
    }
}
