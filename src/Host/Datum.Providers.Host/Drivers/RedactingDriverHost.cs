using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.Host.Drivers;

/// <summary>Remembers which credential values a session has read, so that they can be taken out of its exception texts (law L12).</summary>
internal sealed class RedactingDriverHost(IDriverHost inner) : IDriverHost
{
    // Shorter values (a user name "root", a port) would take ordinary words out of every text.
    private const int ShortestSecret = 6;
    private const string Replacement = "[redacted]";

    private readonly Lock _lock = new();
    private readonly HashSet<string> _secrets = new(StringComparer.Ordinal);

    public ILogger Logger => inner.Logger;

    public Meter Meter => inner.Meter;

    public TimeProvider Time => inner.Time;

    public HttpMessageHandler HttpHandler => inner.HttpHandler;

    public async ValueTask<ReadOnlyMemory<byte>> ReadCredentialAsync(string key, CancellationToken cancellation)
    {
        var value = await inner.ReadCredentialAsync(key, cancellation);
        // Line by line, since a private key is rarely quoted as a whole.
        foreach (var line in Encoding.UTF8.GetString(value.Span).Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            if (line.Length >= ShortestSecret)
                lock (_lock)
                    _secrets.Add(line);
        return value;
    }

    public string Redact(string text)
    {
        lock (_lock)
            foreach (var secret in _secrets.OrderByDescending(s => s.Length))
                text = text.Replace(secret, Replacement, StringComparison.Ordinal);
        return text;
    }
}
