using Datum.Providers.ControlPlane.Compute;
using Datum.Providers.ControlPlane.Networking;
using Datum.Providers.ControlPlane.Runtime;
using Datum.Providers.Kubernetes;
using Datum.Providers.Kubernetes.Controllers;
using Microsoft.Extensions.Logging;

namespace Datum.Providers.ControlPlane;

/// <summary>What the core controllers of one plane need.</summary>
public sealed record CoreControllersOptions
{
    public required IKubernetesClient Client { get; init; }

    public required IScheduler Scheduler { get; init; }

    public required ILoggerFactory LoggerFactory { get; init; }

    /// <summary>Filled by somebody else, e.g. reflectors. The controllers wait until all are synced.</summary>
    public required PlaneCaches Caches { get; init; }

    /// <summary>Workers a controller. The scheduler and the allocator have one each, whatever this says.</summary>
    public int Workers { get; init; } = 2;

    /// <summary>Writes a warning on an object (about, reason, message); best effort. Null: none is written.</summary>
    public Func<ObjectReference, string, string, CancellationToken, ValueTask>? Warn { get; init; }

    /// <summary>What instances use, for autoscaling. Null: nobody measures, and minReplicas instances are kept.</summary>
    public Compute.IInstanceUsage? Usage { get; init; }
}

/// <summary>
/// Datum's own controllers for a plane that has none: Workload to WorkloadDeployments to Instances, Network to contexts to Subnets.
/// They write the conditions of the core; what providers write (Programmed, Running, a Location's conditions) they only read.
/// </summary>
public sealed class CoreControllers : IController, IDisposable
{
    private readonly IReadOnlyList<CoreController> _controllers;

    private CoreControllers(IReadOnlyList<CoreController> controllers)
    {
        _controllers = controllers;
    }

    public string Name => "core";

    /// <summary>Each can be run by itself; <see cref="RunAsync"/> runs them all.</summary>
    public IReadOnlyList<IController> All => _controllers;

    /// <summary>Subscribes to the caches; nothing is written until the controllers run.</summary>
    public static CoreControllers Create(CoreControllersOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var plane = new CorePlane(options.Client, options.Caches, options.Scheduler, options.LoggerFactory, options.Warn);
        return new CoreControllers([
            new WorkloadController(plane, options.Workers),
            new SchedulerController(plane),
            new DeploymentController(plane, options.Workers, options.Usage),
            new InstanceController(plane, options.Workers),
            new NetworkController(plane, options.Workers),
            new NetworkBindingController(plane, options.Workers),
            new NetworkContextController(plane, options.Workers),
            new SubnetClaimController(plane, options.Workers),
            new SubnetController(plane),
            .. plane.NetworkPolicies is { } policies ? (CoreController[])[new NetworkPolicyController(plane, policies)] : [],
        ]);
    }

    /// <summary>Runs all of them until cancelled.</summary>
    public Task RunAsync(CancellationToken cancellation) => Task.WhenAll(_controllers.Select(c => c.RunAsync(cancellation)));

    /// <summary>Starts no reconcile until <see cref="Resume"/>, e.g. while another process leads. What changes meanwhile is kept.</summary>
    public void Suspend()
    {
        foreach (var controller in _controllers)
            controller.Queue.Suspend();
    }

    public void Resume()
    {
        foreach (var controller in _controllers)
            controller.Queue.Resume();
    }

    /// <summary>Suspends, and completes when no reconcile runs any more.</summary>
    public Task DrainAsync() => Task.WhenAll(_controllers.Select(c => c.Queue.DrainAsync()));

    public void Dispose()
    {
        foreach (var controller in _controllers)
            controller.Dispose();
    }
}
