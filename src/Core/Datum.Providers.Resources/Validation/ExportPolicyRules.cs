using System.Globalization;
using Datum.Providers.Resources.Telemetry;

namespace Datum.Providers.Resources.Validation;

/// <summary>Export policies. Pure. No message quotes an endpoint: such URLs carry passwords.</summary>
public static class ExportPolicyRules
{
    /// <summary>The longest wait of a batch, and between two attempts.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(5);

    private const int MaxBatch = 5000;
    private const int MaxAttempts = 10;

    public static IReadOnlyList<Violation> Check(ExportPolicySpec spec)
    {
        ArgumentNullException.ThrowIfNull(spec);
        return [.. spec.Sources.SelectMany((s, i) => CheckSource(s, ContainerRules.At("spec.sources", i))), .. spec.Sinks.SelectMany((_, i) => CheckSink(spec, i))];
    }

    /// <summary>What is wrong with one source.</summary>
    /// <param name="path">Of the source, e.g. <c>spec.sources[0]</c>.</param>
    public static IEnumerable<Violation> CheckSource(TelemetrySource source, string path)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (!MetricsSelector.TryParse(source.Metrics?.Metricsql, out _, out var error))
            yield return Rules.PolicySelector.At($"{path}.metrics.metricsql", error);
    }

    /// <summary>What is wrong with one sink itself; its sources have checks of their own.</summary>
    public static IReadOnlyList<Violation> CheckSink(ExportPolicySpec spec, int index)
    {
        ArgumentNullException.ThrowIfNull(spec);
        var found = new List<Violation>();
        var (sink, path) = (spec.Sinks[index], ContainerRules.At("spec.sinks", index));
        for (var s = 0; s < sink.Sources.Count; s++)
        {
            if (!spec.Sources.Exists(known => known.Name == sink.Sources[s]))
                found.Add(Rules.PolicySources.At(ContainerRules.At($"{path}.sources", s),
                    $"There is no source '{sink.Sources[s]}'; there are {string.Join(", ", spec.Sources.Select(k => k.Name).Order(StringComparer.Ordinal).Take(10))}."));
        }

        if (sink.Target.PrometheusRemoteWrite is not { } write)
        {
            found.Add(Rules.PolicyTarget.At($"{path}.target", "prometheusRemoteWrite is needed: there is no other target."));
            return found;
        }

        path += ".target.prometheusRemoteWrite";
        if (!Uri.TryCreate(write.Endpoint, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.Host.Length == 0)
            found.Add(Rules.PolicyEndpoint.At($"{path}.endpoint", "It is no http or https URL, such as https://metrics.example.com/api/v1/push."));
        else if (url.UserInfo.Length > 0)
            found.Add(Rules.PolicyEndpoint.At($"{path}.endpoint", "It holds a user name or password; they belong into the Secret of authentication.basicAuth."));
        else if (url.Fragment.Length > 0)
            found.Add(Rules.PolicyEndpoint.At($"{path}.endpoint", "It holds a fragment (#...), which no server gets to see; remove it."));
        if (write.Batch is { } batch)
        {
            Wait(Rules.PolicyBatch, $"{path}.batch.timeout", batch.Timeout, found);
            Number(Rules.PolicyBatch, $"{path}.batch.maxSize", batch.MaxSize, MaxBatch, found);
        }

        if (write.Retry is { } retry)
        {
            Wait(Rules.PolicyRetry, $"{path}.retry.backoffDuration", retry.BackoffDuration, found);
            Number(Rules.PolicyRetry, $"{path}.retry.maxAttempts", retry.MaxAttempts, MaxAttempts, found);
        }

        return found;
    }

    private static void Wait(Rule rule, string path, string text, List<Violation> found)
    {
        if (!GoDuration.TryParse(text, out var wait, out var error))
            found.Add(rule.At(path, error));
        else if (wait > LongestWait)
            found.Add(rule.At(path, $"'{text}' is longer than 5m."));
    }

    private static void Number(Rule rule, string path, int value, int most, List<Violation> found)
    {
        if (value < 1 || value > most)
            found.Add(rule.At(path, string.Create(CultureInfo.InvariantCulture, $"{value} must be 1 to {most}.")));
    }
}
