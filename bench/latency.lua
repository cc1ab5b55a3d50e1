-- For wrk: what it has measured as one line of JSON, times in microseconds. TONNAGE_WRK_DELAY_MS: the mean time that
-- a connection waits between two requests.
local delay_ms = tonumber(os.getenv("TONNAGE_WRK_DELAY_MS") or "0")
if delay_ms > 0 then
    function delay()
        return math.random(0, 2 * delay_ms)
    end
end

function done(summary, latency, requests)
    local e = summary.errors
    io.write(string.format(
        '{"p50": %d, "p90": %d, "p99": %d, "p999": %d, "max": %d, "requests": %d, "duration": %d, "lost": %d}\n',
        latency:percentile(50), latency:percentile(90), latency:percentile(99), latency:percentile(99.9), latency.max,
        summary.requests, summary.duration, e.connect + e.read + e.write + e.timeout + e.status))
end
