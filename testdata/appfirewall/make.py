"""Makes requests.ndjson, requests as Cloudflare's Logpush writes them, and events.ndjson, the bodies of the AppFirewall
SDK for Python for the same requests: its keys in their order through Python's own json module. Run: python3 make.py"""

import json
from datetime import datetime, timezone

REQUESTS = [
    # nanoseconds, ip, method, target, path as an application sees it, status, agent, referrer, country, ray, ASN, label
    (1769843289120000000, "45.83.1.7", "GET", "/", "/", 200, "Mozilla/5.0 (X11; Linux x86_64)", "", "NL", "8f00ba4c0ffee001", 64500, None),
    (1769843289999999999, "2a01:4f8:1::1", "POST", "/login?next=%2Fhome", "/login", 302, "curl/8.5.0", "https://a.example/?q=1&b=<x>", "T1", "8f00ba4c0ffee002", 64501, None),
    (1769843290000000001, "45.83.1.8", "GET", "/w%C3%BCp/.env?x=1", "/wüp/.env", 404, "Möbel \"7\" \\ back", "", "DE", "8f00ba4c0ffee003", 64500, "scanner"),
    (1769843290001000000, "45.83.1.9", "GET", "/%F0%9F%98%80", "/😀", 404, "tab\there", "https://b.example/ü", "US", "8f00ba4c0ffee004", 64502, "unknown"),
    (1769843290002000000, "45.83.1.9", "GET", "/favicon.ico", "/favicon.ico", 404, "a\u0001b\u001fc\u007fd\u2028e\ufefff", "", "US", "8f00ba4c0ffee005", 64502, "benign-miss"),
    (1769843290003000000, "45.83.2.255", "PROPFIND", "/a%20b%2Fc%25d+e", "/a b/c%d+e", 405, "", "", "GB", "8f00ba4c0ffee006", 4294967295, None),
    (1769843290004000000, "45.83.2.254", "GET", "/%22%5C%0A%09%00%3Cscript%3E", "/\"\\\n\t\x00<script>", 403, "x" * 300, "/relative", "BR", "8f00ba4c0ffee007", 1, None),
    (1769843290005000000, "45.83.2.253", "HEAD", "/.well-known/../../etc/passwd", "/.well-known/../../etc/passwd", 404, "é" * 10, "", "FR", "8f00ba4c0ffee008", 2, "benign-miss"),
    (1769843290006000000, "45.83.2.252", "GET", "/index.php/%E2%82%AC%E4%B8%AD%F4%8F%BF%BF", "/index.php/€中\U0010ffff", 500, "🦀 rust", "", "CN", "8f00ba4c0ffee009", 3, None),
]


def logged(ns, ip, method, target, _path, status, agent, referrer, country, ray, asn, _label):
    return {
        "ClientASN": asn, "ClientCountry": country, "ClientIP": ip, "ClientRequestHost": "shop.example",
        "ClientRequestMethod": method, "ClientRequestProtocol": "HTTP/2", "ClientRequestReferer": referrer,
        "ClientRequestURI": target, "ClientRequestUserAgent": agent, "EdgeResponseBytes": 10,
        "EdgeResponseStatus": status, "EdgeStartTimestamp": ns, "RayID": ray,
    }


def event(ns, ip, method, _target, path, status, agent, referrer, country, ray, asn, label):
    made = {"type": "http_request"}
    # The clock of Python has microseconds; the SDK cuts them to milliseconds.
    seconds, rest = divmod(ns, 1_000_000_000)
    time = datetime.fromtimestamp(seconds, timezone.utc).replace(microsecond=rest // 1000)
    made["ts"] = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    made |= {"ip": ip, "method": method, "path": path, "status": status}
    for key, value in [("ua", agent), ("referer", referrer), ("cf_country", country), ("cf_ray", ray), ("cf_asn", str(asn))]:
        if value:
            made[key] = value
    if label and status == 404:
        made["classification"] = label
    return made | {"environment": "staging \u2603"}


with open("requests.ndjson", "w", encoding="utf-8") as out:
    out.writelines(json.dumps(logged(*one), ensure_ascii=False) + "\n" for one in REQUESTS)
with open("events.ndjson", "w", encoding="ascii") as out:
    out.write("\n".join(json.dumps(event(*one), separators=(",", ":")) for one in REQUESTS))
