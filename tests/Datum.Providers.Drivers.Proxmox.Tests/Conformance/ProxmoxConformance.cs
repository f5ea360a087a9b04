using Datum.Providers.Clouds.Proxmox;
using Datum.Providers.Conformance;

namespace Datum.Providers.Drivers.Proxmox.Tests.Conformance;

/// <summary>The kit against a cluster whose tasks end at once.</summary>
public sealed class ProxmoxConformance : DriverConformance
{
    protected override ConformanceWorld CreateWorld() => new ProxmoxWorld();
}

/// <summary>The kit against a cluster of the release before, entered with a user's ticket.</summary>
[Category("Slow")]
public sealed class OlderProxmoxConformance : DriverConformance
{
    protected override ConformanceWorld CreateWorld() => new ProxmoxWorld(byTicket: true, release: "8.4");
}

/// <summary>
/// The kit against a cluster that takes its time, whose lists are late, whose clones have no name at first, and whose guests boot slowly: every case,
/// each breaking at a share of its places (all of them pass too, in about 110 seconds of processor time).
/// </summary>
[Category("Slow")]
public sealed class SlowProxmoxConformance : DriverConformance
{
    protected override ConformanceWorld CreateWorld() => new ProxmoxWorld(new ProxmoxKnobs
    {
        DefaultDuration = TimeSpan.FromSeconds(20),
        ListLag = TimeSpan.FromSeconds(8),
        NameLag = TimeSpan.FromSeconds(8),
        GuestBoot = TimeSpan.FromSeconds(30),
    }, mostBreakPoints: 8);
}
