using System.Net.Http.Headers;
using System.Text;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Telemetry;

namespace Datum.Providers.ControlPlane.Export;

/// <summary>What one sink of an accepted policy does.</summary>
internal sealed record SinkSettings
{
    // What the schema writes where a policy says nothing.
    private const int DefaultBatch = 500;
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(5);
    private const int DefaultAttempts = 3;
    private static readonly TimeSpan DefaultBackoff = TimeSpan.FromSeconds(5);

    public required string Name { get; init; }

    /// <summary>What is sent: a series that several of them select is sent that many times, as the kind says.</summary>
    public required IReadOnlyList<MetricsSelector> Selectors { get; init; }

    public required Uri Endpoint { get; init; }

    /// <summary>Null: nothing proves who sends. Secret.</summary>
    public AuthenticationHeaderValue? Credential { get; init; }

    /// <summary>Samples of a request at most.</summary>
    public int MaxBatch { get; init; } = DefaultBatch;

    /// <summary>How long a sample waits for others.</summary>
    public TimeSpan BatchTimeout { get; init; } = DefaultTimeout;

    public int MaxAttempts { get; init; } = DefaultAttempts;

    public TimeSpan Backoff { get; init; } = DefaultBackoff;

    /// <summary>Of a sink whose policy broke no rule.</summary>
    public static SinkSettings Of(ExportPolicySpec spec, TelemetrySink sink, AuthenticationHeaderValue? credential)
    {
        var write = sink.Target.PrometheusRemoteWrite!;
        return new SinkSettings
        {
            Name = sink.Name,
            Selectors = [.. sink.Sources.Select(name => spec.Sources.Find(s => s.Name == name)!).Select(Selector)],
            Endpoint = new Uri(write.Endpoint),
            Credential = credential,
            MaxBatch = write.Batch?.MaxSize ?? DefaultBatch,
            BatchTimeout = write.Batch is { } batch ? Duration(batch.Timeout) : DefaultTimeout,
            MaxAttempts = write.Retry?.MaxAttempts ?? DefaultAttempts,
            Backoff = write.Retry is { } retry ? Duration(retry.BackoffDuration) : DefaultBackoff,
        };
    }

    /// <summary>RFC 7617; null when the user name can't be sent.</summary>
    public static AuthenticationHeaderValue? Basic(ReadOnlySpan<byte> user, ReadOnlySpan<byte> password)
    {
        if (user.IsEmpty || user.Contains((byte)':'))
            return null;
        var joined = new byte[user.Length + 1 + password.Length];
        user.CopyTo(joined);
        joined[user.Length] = (byte)':';
        password.CopyTo(joined.AsSpan(user.Length + 1));
        return new AuthenticationHeaderValue("Basic", Convert.ToBase64String(joined));
    }

    // Records print their members: this one must not.
    private bool PrintMembers(StringBuilder to)
    {
        to.Append("Name = ").Append(Name);
        return true;
    }

    private static MetricsSelector Selector(TelemetrySource source) =>
        MetricsSelector.TryParse(source.Metrics?.Metricsql, out var selector, out var error) ? selector : throw new ArgumentException(error, nameof(source));

    private static TimeSpan Duration(string text) => GoDuration.TryParse(text, out var duration, out var error) ? duration : throw new ArgumentException(error, nameof(text));
}

/// <summary>How the last request of a sink ended.</summary>
internal enum Delivery
{
    /// <summary>Nothing was sent yet.</summary>
    Unknown = 0,
    Delivered = 1,
    /// <summary>401 or 403.</summary>
    CredentialsRefused = 2,
    /// <summary>Another 4xx, or an answer that isn't one of a receiver.</summary>
    Refused = 3,
    /// <summary>3xx: not followed.</summary>
    Redirected = 4,
    /// <summary>429.</summary>
    Throttled = 5,
    /// <summary>5xx, no answer in time, or no connection.</summary>
    Unavailable = 6,
    /// <summary>Every address of the endpoint is one that the guard refuses.</summary>
    DestinationRefused = 7,
}
