using System.Globalization;
using System.Text.Json;
using Datum.Providers.Testing;

namespace Datum.Providers.Integration.Tests;

/// <summary>
/// What Podman itself wrote down of an installation's application containers. A count every 100 ms can miss what is made and removed in
/// between; this can't.
/// </summary>
internal static class PodmanEvents
{
    /// <summary>Containers that were made and removed since a moment of this machine's clock, each as <c>IDENTITY/INCARNATION</c>.</summary>
    public static async Task<(IReadOnlyList<string> Made, IReadOnlyList<string> Removed)> SinceAsync(PodmanHost podman, string installation, DateTimeOffset moment)
    {
        var filters = Uri.EscapeDataString($$"""{"type":["container"],"event":["create","remove"],"label":["datum-install={{installation}}"]}""");
        var since = moment.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var text = await podman.Client.GetStringAsync(new Uri($"events?stream=false&since={since}&filters={filters}", UriKind.Relative));
        var (made, removed) = (new List<string>(), new List<string>());
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var document = JsonDocument.Parse(line);
            var attributes = document.RootElement.GetProperty("Actor").GetProperty("Attributes");
            // The infra container of a pod isn't the user's. The stream's beginning is a whole second.
            if (!attributes.TryGetProperty("datum-container", out _) || document.RootElement.GetProperty("timeNano").GetInt64() < moment.ToUnixTimeMilliseconds() * 1_000_000)
                continue;
            (document.RootElement.GetProperty("Action").GetString() == "create" ? made : removed)
                .Add($"{attributes.GetProperty("datum-name").GetString()}/{attributes.GetProperty("datum-incarnation").GetString()}");
        }

        return (made, removed);
    }
}
