using System.Collections.Immutable;
using Datum.Providers.Clouds;
using Datum.Providers.Clouds.Gcp;
using Datum.Providers.Clouds.Proxmox;
using Datum.Providers.Clouds.Vsphere;
using Datum.Providers.Drivers.Simulator;
using Datum.Providers.Testing;

namespace Datum.Providers.Integration.Tests;

/// <summary>A platform outside of the host that Locations of one Network are at.</summary>
/// <param name="Driver">The driver, and the key of the Locations' block.</param>
/// <param name="Config">What the ProviderConfig has beside driver and Locations: lines of <c>spec</c>.</param>
/// <param name="Secret">The Secret that it names, as <c>stringData</c>; null for none.</param>
/// <param name="Blocks">The blocks of its Locations.</param>
/// <param name="Networks">How many platform networks one Network becomes there: one where Locations share it, one each where the network holds its ranges (decision 7).</param>
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

    public static async Task<SpanningPlatform> ProxmoxAsync()
    {
        var cloud = new ProxmoxCloud(TimeProvider.System, new ProxmoxKnobs { DefaultDuration = TimeSpan.FromMilliseconds(300) });
        cloud.AddToken("datum@pve!host", "0123456789abcdef");
        var server = await CloudServer.StartAsync(cloud);
        var fresh = cloud.Objects.Select(o => o.Path).ToHashSet(StringComparer.Ordinal);
        IEnumerable<ProxmoxObject> Made() => cloud.Objects.Where(o => !fresh.Contains(o.Path));
        return new("proxmox", $"endpoint: {server.Address}\n  settings: {{storage: ceph, isoStorage: shared, memoryPercent: 1000}}", "apiToken: datum@pve!host=0123456789abcdef",
            ["{ cluster: demo, zone: lab, nodes: [pve1] }", "{ cluster: demo, zone: lab, nodes: [pve2, pve3] }"], 2,
            () => [.. Made().Select(o => o.Path)], () => Made().Count(o => o.Collection == "vnets"), server);
    }

    /// <summary>VMware's own simulator; without it the test is skipped, or fails where it is required.</summary>
    public static async Task<SpanningPlatform> VsphereAsync()
    {
        var vcsim = await Vcsim.StartAsync(Vcsim.Program ?? throw SharedFolder.Missing("vcsim", "DATUM_VCSIM names no vcsim; deploy/dev/tools.sh vcsim builds it"));
        var cloud = new VsphereCloud(vcsim, TimeProvider.System, new VsphereKnobs { DefaultDuration = TimeSpan.FromMilliseconds(300), GuestReports = true });
        var server = await CloudServer.StartAsync(cloud, certificate: vcsim.Certificate);
        List<string> Made() => [.. cloud.Machines.Select(m => $"machine {m.Name}").Concat(cloud.Portgroups.Select(p => $"portgroup {p.Name}"))];
        var fresh = Made().ToHashSet(StringComparer.Ordinal);
        var authority = string.Join('\n', vcsim.Authority.ExportCertificatePem().Split('\n').Select(l => "    " + l));
        return new("vsphere", $"endpoint: {server.Address}\n  settings: {{vlans: {{first: 100, last: 199}}, templateFolder: templates}}\n  images: {{datumcloud/sandbox: ubuntu-2204-lts}}\n  caBundle: |\n{authority}",
            $"username: {Vcsim.User}\n  password: {Vcsim.Password}",
            ["{ datacenter: DC0, cluster: DC0_C0, datastore: LocalDS_0, switch: DVS0 }", "{ datacenter: DC0, cluster: DC0_C0, datastore: LocalDS_1, switch: DVS0 }"], 2,
            () => [.. Made().Where(m => !fresh.Contains(m))], () => cloud.Portgroups.Count(p => !fresh.Contains($"portgroup {p.Name}")), new All(server, cloud, vcsim));
    }

    private sealed class All(params object[] parts) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            foreach (var part in parts)
                if (part is IAsyncDisposable later)
                    await later.DisposeAsync();
                else
                    ((IDisposable)part).Dispose();
        }
    }
}
