using Datum.Providers.ControlPlane.Compute;
using Datum.Providers.Engine.Usage;

namespace Datum.Providers.Host.Composition;

/// <summary>What the engine measures, as the core controllers of one plane ask for it.</summary>
internal sealed class PlaneUsage(UsageReadings readings, string plane) : IInstanceUsage
{
    public UsageAnswer Find(string instanceUid)
    {
        var look = readings.Find(plane, instanceUid);
        return new(look.Newest is { CpuMillis: { } cpu } newest ? new InstanceUsage { CpuMillis = cpu, CpuCapacityMillis = newest.CpuCapacityMillis, At = newest.At } : null, look.Why, look.Unsupported);
    }
}
