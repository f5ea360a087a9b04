using Datum.Providers.Engine;
using Datum.Providers.Engine.Reconcile;
using Datum.Providers.Faults.Tests.World;
using Datum.Providers.Kubernetes;

namespace Datum.Providers.Faults.Tests.Bugs;

/// <summary>A wrong variant of the engine, put in through its own seams. The proof must notice it.</summary>
internal sealed record Bug
{
    public required string Name { get; init; }

    /// <summary>What is wrong, for the table.</summary>
    public required string What { get; init; }

    /// <summary>A word of the violation by which it is caught: the law that it breaks.</summary>
    public required string Breaks { get; init; }

    /// <summary>The plan that is known to catch it; with Fault None the scenario alone.</summary>
    public required string Plan { get; init; }

    public Func<FaultWorld, IKubernetesClient, IKubernetesClient>? Client { get; init; }

    public Func<FaultWorld, IMutationGate, IMutationGate>? Gate { get; init; }

    /// <summary>The process goes on when its lease is lost.</summary>
    public bool LingersWithoutLease { get; init; }

    public Func<FaultWorld, EngineSeams>? Seams { get; init; }

    public Func<FaultWorld, IInfrastructureDriver, IInfrastructureDriver>? Driver { get; init; }
}
