using Datum.Providers.Conformance;

namespace Datum.Providers.Drivers.Simulator.Tests.Conformance;

/// <summary>The kit against a platform that does everything at once.</summary>
public sealed class SimulatorConformance : DriverConformance
{
    protected override ConformanceWorld CreateWorld() => new SimulatorWorld();
}

/// <summary>The kit against a platform that takes its time, hides new objects for a while and gives small pages.</summary>
public sealed class SlowSimulatorConformance : DriverConformance
{
    protected override ConformanceWorld CreateWorld() => new SimulatorWorld(new SimulatorKnobs
    {
        OperationDurations = Enum.GetValues<ResourceKind>().ToImmutableDictionary(k => k, _ => TimeSpan.FromSeconds(20)),
        ConsistencyWindow = TimeSpan.FromSeconds(4),
        ListLag = TimeSpan.FromSeconds(5),
        PageSize = 2,
    });
}
