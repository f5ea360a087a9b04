using Datum.Providers.Clouds.Gcp;
using Datum.Providers.Conformance;

namespace Datum.Providers.Drivers.Gcp.Tests.Conformance;

/// <summary>The kit against a platform whose operations end at once.</summary>
public sealed class GcpConformance : DriverConformance
{
    protected override ConformanceWorld CreateWorld() => new GcpWorld();
}

/// <summary>The kit against a platform that takes its time, whose lists are late and whose pages are small.</summary>
[Category("Slow")]
public sealed class SlowGcpConformance : DriverConformance
{
    protected override ConformanceWorld CreateWorld() => new GcpWorld(new GcpKnobs
    {
        DefaultDuration = TimeSpan.FromSeconds(20),
        ListLag = TimeSpan.FromSeconds(8),
        PageSize = 2,
        // What is being made shows, and isn't ready.
        HideUntilDone = false,
        GuestBoot = TimeSpan.FromSeconds(30),
    });
}
