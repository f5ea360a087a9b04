using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Datum.Providers.Kubernetes;
using Datum.Providers.Resources;
using Datum.Providers.Resources.Compute;

namespace Datum.Providers.ControlPlane.Compute;

/// <summary>
/// Which Locations refused an instance of a deployment, as its annotation remembers it: <c>{"ns/name":{"reason":...,"since":...}}</c>.
/// A refusal counts for <see cref="Life"/>.
/// </summary>
public sealed class RefusedLocations
{
    /// <summary>How long a Location that refused isn't tried again.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromHours(1);

    private readonly SortedDictionary<string, (string Reason, DateTimeOffset Since)> _refused = new(StringComparer.Ordinal);

    /// <summary>What still counts. An annotation that can't be read counts as none: Locations are tried again.</summary>
    public static RefusedLocations Of(WorkloadDeployment deployment, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(deployment);
        var result = new RefusedLocations();
        if (deployment.Metadata.Annotation(Annotations.RefusedLocations) is not { } text)
            return result;
        try
        {
            foreach (var (key, value) in JsonNode.Parse(text) as JsonObject ?? [])
            {
                if (value is JsonObject note && note["reason"] is JsonValue reason && note["since"] is JsonValue since
                    && DateTimeOffset.TryParse(since.GetValue<string>(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) && now - time < Life)
                    result._refused[key] = (reason.GetValue<string>(), time);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return new();
        }

        return result;
    }

    public bool Contains(ObjectKey location) => _refused.ContainsKey(location.ToString());

    /// <summary>When the first refusal is over; null when there is none.</summary>
    public DateTimeOffset? NextEnd => _refused.Count == 0 ? null : _refused.Values.Min(r => r.Since) + Life;

    public void Add(ObjectKey location, string reason, DateTimeOffset now) =>
        _refused[location.ToString()] = (reason, new(now.UtcTicks - (now.UtcTicks % TimeSpan.TicksPerSecond), TimeSpan.Zero));

    /// <summary>e.g. <c>ns/a: QuotaExceeded</c>.</summary>
    public IEnumerable<string> Sentences => _refused.Select(r => $"{r.Key}: {r.Value.Reason}");

    public string ToAnnotation() => new JsonObject(_refused.Select(r => KeyValuePair.Create(r.Key, (JsonNode?)new JsonObject
    {
        ["reason"] = r.Value.Reason,
        ["since"] = r.Value.Since.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
    }))).ToJsonString();
}
