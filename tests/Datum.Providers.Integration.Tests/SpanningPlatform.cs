using System.Collections.Immutable;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Gcp;
using Datum.Providers.Drivers.Simulator;

namespace Datum.Providers.Integration.Tests;

/// <summary>A platform outside of the host that Locations of one Network are at.</summary>
/// <param name="Driver">The driver, and the key of the Locations' block.</param>
/// <param name="Config">What the ProviderConfig has beside driver and Locations: lines of <c>spec</c>.</param>
/// <param name="Secret">The Secret that it names, as <c>stringData</c>; null for none.</param>
/// <param name="Blocks">The blocks of its Locations.</param>
/// <param name="Networks">How many platform networks one Network becomes there.</param>
/// <param name="Left">Everything at the platform that somebody made; what a new one has isn't shown.</param>
/// <param name="NetworksThere">The networks among it.</param>
internal sealed record SpanningPlatform(
    string Driver, string Config, string? Secret, string[] Blocks, int Networks, Func<IReadOnlyList<string>> Left, Func<int> NetworksThere, IAsyncDisposable Server) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Server.DisposeAsync();

    public static async Task<SpanningPlatform> SimulatorAsync()
    {
        var server = await PlatformListener.StartAsync(new SimulatorKnobs { OperationDurations = Enum.GetValues<ResourceKind>().Where(k => k != ResourceKind.Unknown).ToImmutableDictionary(k => k, _ => TimeSpan.FromMilliseconds(300)) });
        return new("simulator", $"endpoint: {server.Address}", null, ["{ zone: z1, region: r1 }", "{ zone: z2, region: r1 }"], 1,
            () => [.. server.Cloud.Objects.Select(o => $"{o.Collection} {o.Name}")], () => server.Cloud.In(Collections.Networks).Length, server);
    }

    public static async Task<SpanningPlatform> GcpAsync()
    {
        var cloud = new GcpCloud(TimeProvider.System, new GcpKnobs { DefaultDuration = TimeSpan.FromMilliseconds(300) }) { ProjectId = "spanning" };
        var server = await CloudServer.StartAsync(cloud);
        var fresh = cloud.Objects.Select(o => o.Path).ToHashSet(StringComparer.Ordinal);
        return new("gcp", $"endpoint: {server.Address}\n  settings: {{authentication: {{mode: None}}}}", null,
            ["{ projectId: spanning, region: us-central1, zone: us-central1-a }", "{ projectId: spanning, region: europe-west1, zone: europe-west1-b }"], 1,
            () => [.. cloud.Objects.Select(o => o.Path).Where(p => !fresh.Contains(p))], () => cloud.Objects.Count(o => o.Collection == "networks" && !fresh.Contains(o.Path)), server);
    }
}
