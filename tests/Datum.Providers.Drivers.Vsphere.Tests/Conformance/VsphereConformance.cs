using Datum.Providers.Clouds.Vsphere;
using Datum.Providers.Conformance;

namespace Datum.Providers.Drivers.Vsphere.Tests.Conformance;

/// <summary>The kit against vcsim behind the proxy, where tasks end at once.</summary>
public sealed class VsphereConformance : DriverConformance
{
    protected override ConformanceWorld CreateWorld() => new VsphereWorld();
}

/// <summary>The kit against a vCenter that takes its time and whose pages are small.</summary>
[Category("Slow")]
public sealed class SlowVsphereConformance : DriverConformance
{
    protected override ConformanceWorld CreateWorld() => new VsphereWorld(new VsphereKnobs
    {
        DefaultDuration = TimeSpan.FromSeconds(8),
        PageSize = 2,
        GuestBoot = TimeSpan.FromSeconds(30),
        GuestShutdown = TimeSpan.FromSeconds(5),
    });
}
