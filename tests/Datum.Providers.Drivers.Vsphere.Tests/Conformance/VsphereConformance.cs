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
        // What gives an id at its end alone is quick here: the kit wants to know what a step made. Slow ones have tests of their own.
        Durations = ImmutableDictionary<string, TimeSpan>.Empty.Add("CloneVM_Task", TimeSpan.Zero).Add("CreateDVPortgroup_Task", TimeSpan.Zero).Add("CreateDisk_Task", TimeSpan.Zero),
        PageSize = 2,
        GuestBoot = TimeSpan.FromSeconds(30),
        GuestShutdown = TimeSpan.FromSeconds(5),
    });
}
