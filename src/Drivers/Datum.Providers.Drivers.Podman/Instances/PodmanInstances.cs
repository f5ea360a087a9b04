using System.Collections.Concurrent;
using System.Globalization;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Instances;

/// <summary>An instance is a pod: an infra container that holds the address, and a container for each of the sandbox's.</summary>
internal sealed partial class PodmanInstances(Session session, ImagePulls pulls, PowerWork power) : IResourceDriver<InstanceSpec, InstanceFacts>
{
    private static readonly TimeSpan HealthLimit = TimeSpan.FromSeconds(5);

    // Podman forgets why a start failed; what this session was told is kept for the conditions. By container id.
    private readonly ConcurrentDictionary<string, string> _startFailures = new(StringComparer.Ordinal);

    public ValueTask<ImmutableArray<Finding>> ValidateAsync(Call call, InstanceSpec desired) => new(Validate(desired));

    public async ValueTask<Answer<Observation<InstanceFacts>>> ObserveAsync(Call call, Identity id, InstanceSpec? desired, Handle? handle)
    {
        if (desired is null)
            return await ObserveForRemovalAsync(call, id, handle);
        var read = await InstanceReader.ReadAsync(session, call, id, withFirewall: true);
        if (read.Error is { } error)
            return error;
        var view = read.Value!;
        if (view.Pod is null)
            return new Absent<InstanceFacts> { Next = Steps.Pod };
        if (view.Mark != MarkState.Ours)
            return NotOurs(view);

        var judge = new InstanceJudge(desired, view)
        {
            Settings = session.Settings,
            FirewallEnforced = FirewallEnforced,
            Health = await HealthAsync(call, view),
            Obstacles = Obstacles(desired, view),
        };
        // A container that is recorded and gone isn't made again beside those that knew it (DC-24).
        var drift = judge.Drift().AddRange(desired.Sandbox!.Containers
            .Where(c => id.PartId(InstanceParts.Container(c.Name)) is not null && !view.Containers.ContainsKey(c.Name))
            .Select(c => new Drift { Path = $"sandbox.containers[{c.Name}]", Remedy = Remedy.Replace }));
        var (next, progress, nextError) = await NextAsync(call, id, desired, view, judge, drift, handle);
        if (nextError is not null)
            return nextError;
        // What somebody asked for by hand goes on first.
        if (power.IsRunning(view.Pod.Id))
            (next, progress) = (null, StopProgress);
        return new Present<InstanceFacts>
        {
            Facts = OfPower(view.Pod, judge.Facts()),
            Parts = view.Parts,
            State = progress is null ? judge.State(next) : judge.EverStarted ? Lifecycle.Updating : Lifecycle.Creating,
            Mark = MarkState.Ours,
            Incarnation = view.Incarnation,
            Drift = drift,
            Next = next,
            InProgress = progress,
            Resolved = Resolved(view),
        };
    }

    // Its containers may have ended already; until Podman has answered nothing can be started.
    private InstanceFacts OfPower(PodInspect pod, InstanceFacts facts) => power.IsRunning(pod.Id) ? facts with { Power = PowerState.Stopping } : facts;

    private bool FirewallEnforced => session.Firewall.Unavailable is null || !session.Connection.AllowUnenforcedPolicies;

    private ImmutableArray<Finding> Validate(InstanceSpec desired) =>
        InstanceValidator.Validate(desired, session.Connection, session.Firewall.Unavailable);

    private async ValueTask<(Step? Next, Progress? Progress, DriverError? Error)> NextAsync(
        Call call, Identity id, InstanceSpec spec, InstanceView view, InstanceJudge judge, ImmutableArray<Drift> drift, Handle? handle)
    {
        if (view.Infra is null)
            return (Steps.Pod, null, null);
        if (!view.InfraRuns)
            return (Steps.Sandbox, null, null);
        if (!judge.FirewallDone)
            return (view.Running.Any() ? Steps.FirewallUpdate : Steps.Firewall, null, null);

        // A part of the new wish has no place beside parts of the old one.
        var missing = drift.Any(d => d.Remedy == Remedy.Replace) ? []
            : spec.Sandbox!.Containers.Where(c => !view.Containers.ContainsKey(c.Name)).ToImmutableArray();
        foreach (var container in missing)
        {
            var image = await LocalImageAsync(call, id, container);
            if (image.Error is not null)
                return (null, null, image.Error);
            if (image.Value is not null)
                continue;
            if (pulls.Running(session.ImageOf(container)!) is not null)
                return (null, PullProgress(container), null);
            return (Steps.Image(container.Name), null, null);
        }

        if (!missing.IsEmpty)
        {
            if (Payloads.Sentinel(id, spec) is { } sentinel)
            {
                var secrets = await session.Podman.SecretsAsync(call);
                if (secrets.Error is not null)
                    return (null, null, secrets.Error);
                if (!secrets.Value!.Any(s => s.Spec.Name == sentinel))
                    return (Steps.Payload, null, null);
            }

            return (Steps.Container(missing[0].Name), null, null);
        }

        if (!spec.Suspended)
            return (view.Containers.Values.Any(c => !c.State.Running) ? Steps.Start : null, null, null);
        if (!view.Running.Any())
            return (null, null, null);
        return StopHandle.Read(handle) is not { } deadline ? (Steps.Suspend, null, null)
            : StopHandle.Left(deadline, session.Time.GetUtcNow(), Grace(view)) is { } left ? (null, left, null)
            : (Steps.SuspendNow, null, null);
    }

    /// <summary>The image that a container is to be made of, by the id recorded at first create or by reference; neither when it isn't local.</summary>
    private async ValueTask<Found<ImageInfo>> LocalImageAsync(Call call, Identity id, ContainerSpec container)
    {
        if (id.Resolved.TryGetValue(InstanceParts.ResolvedImage(container.Name), out var recorded))
        {
            var byId = await session.Podman.ImageAsync(call, recorded);
            if (byId.Error is not null || byId.Value is not null)
                return byId;
        }

        var reference = session.ImageOf(container)!;
        var byName = await session.Podman.ImageAsync(call, reference);
        if (byName.Value is not null)
            pulls.Forget(reference);
        return byName;
    }

    private async ValueTask<Dictionary<string, string>> HealthAsync(Call call, InstanceView view)
    {
        var health = new Dictionary<string, string>(StringComparer.Ordinal);
        if (!session.Settings.HealthChecks)
            return health;
        foreach (var (name, container) in view.Containers)
        {
            if (!container.State.Running || container.Config?.Healthcheck?.Test is not { IsEmpty: false } test || test[0] == "NONE")
                continue;
            var now = session.Time.GetUtcNow();
            var limit = TimeSpan.FromTicks(Math.Min(HealthLimit.Ticks, Math.Max(0, (call.Deadline - now).Ticks / 2)));
            using var timeout = new CancellationTokenSource(limit, session.Time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, call.Cancellation);
            var inner = new Call { Cancellation = both.Token, Deadline = now + limit, Id = call.Id };
            // Without systemd nobody else runs the check. One that doesn't answer in time hasn't passed.
            var result = await session.Podman.RunHealthCheckAsync(inner, container.Id);
            health[name] = result.Value?.Status ?? "starting";
        }

        return health;
    }

    private Dictionary<string, (string Reason, string Message)> Obstacles(InstanceSpec spec, InstanceView view)
    {
        var obstacles = new Dictionary<string, (string, string)>(StringComparer.Ordinal);
        foreach (var container in spec.Sandbox!.Containers)
        {
            if (view.Containers.TryGetValue(container.Name, out var actual))
            {
                if (_startFailures.TryGetValue(actual.Id, out var message))
                    obstacles[container.Name] = ("ConfigurationError", message);
            }
            else if (session.ImageOf(container) is { } reference && pulls.LastFailure(reference) is { } failure)
            {
                obstacles[container.Name] = ("ImageUnavailable", failure.Message);
            }
        }

        return obstacles;
    }

    private static Progress PullProgress(ContainerSpec container) => new()
    {
        LookAgainAfter = TimeSpan.FromSeconds(2),
        WaitingFor = WaitingFor.Platform,
        Message = $"pulling {container.Image}",
    };

    private static Present<InstanceFacts> NotOurs(InstanceView view) => new()
    {
        Facts = new InstanceFacts { Power = PowerState.Unknown, PlatformState = view.Pod?.State },
        Parts = view.Parts,
        State = Lifecycle.Unknown,
        Mark = view.Mark,
        Incarnation = view.Incarnation,
    };

    private static ImmutableDictionary<string, string> Resolved(InstanceView view) => view.Containers
        .Where(c => c.Value.ImageId is not null)
        .ToImmutableDictionary(c => InstanceParts.ResolvedImage(c.Key), c => c.Value.ImageId!);

    private static Outcome<InstanceFacts> Failed(DriverError error, params ImmutableArray<Part> parts) => new Failed<InstanceFacts> { Error = error, Parts = parts };

    private static DriverError Refusal(ErrorCode code, string message, string? field = null) =>
        new() { Code = code, Effect = Effect.NotApplied, Message = message, Field = field };

    /// <summary>The steps of an instance.</summary>
    private static class Steps
    {
        public static Step Pod { get; } = Named(InstanceParts.Pod, "create pod");

        public static Step Sandbox { get; } = Repeatable(InstanceParts.Sandbox, StepVerb.Create, "start the pod's network");

        public static Step Firewall { get; } = Repeatable(InstanceParts.Firewall, StepVerb.Create, "set ingress rules");

        public static Step FirewallUpdate { get; } = Repeatable(InstanceParts.Firewall, StepVerb.Update, "set ingress rules");

        public static Step Payload { get; } = Repeatable(InstanceParts.Payload, StepVerb.Create, "store config maps and secrets");

        public static Step Start { get; } = Repeatable(InstanceParts.Start, StepVerb.Create, "start containers");

        public static Step Suspend { get; } = Repeatable(InstanceParts.Suspend, StepVerb.Update, "ask containers to stop");

        public static Step SuspendNow { get; } = Repeatable(InstanceParts.SuspendNow, StepVerb.Update, "stop containers");

        public static Step Stop { get; } = Repeatable(InstanceParts.Stop, StepVerb.Delete, "ask containers to stop");

        public static Step StopNow { get; } = Repeatable(InstanceParts.StopNow, StepVerb.Delete, "kill containers that didn't stop");

        public static Step PodRemoval { get; } = Repeatable(InstanceParts.Pod, StepVerb.Delete, "remove pod");

        public static Step PayloadRemoval { get; } = Repeatable(InstanceParts.Payload, StepVerb.Delete, "remove stored config maps and secrets");

        public static Step ContainerRemoval(string part) => Repeatable(part, StepVerb.Delete, "remove " + part);

        public static Step Image(string container) => Repeatable(InstanceParts.Image(container), StepVerb.Create, $"pull the image of {container}");

        public static Step Container(string container) => Named(InstanceParts.Container(container), $"create container {container}");

        private static Step Named(string part, string description) => new() { Part = part, Verb = StepVerb.Create, Class = CreateClass.Named, Description = description };

        private static Step Repeatable(string part, StepVerb verb, string description) => new() { Part = part, Verb = verb, Class = CreateClass.Repeatable, Description = description };
    }

    /// <summary>A handle that says until when containers that were asked to stop may take their time.</summary>
    private static class StopHandle
    {
        private const string Prefix = "stop-until:";

        public static Running<InstanceFacts> Until(DateTimeOffset deadline) => new()
        {
            Progress = Progress(new Handle { Data = Prefix + deadline.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture) }),
        };

        /// <summary>The wait that is left; null when it is over. Never longer than the grace: a clock that was put back would make it hours.</summary>
        public static Progress? Left(DateTimeOffset deadline, DateTimeOffset now, TimeSpan grace) =>
            deadline <= now ? null : Until(deadline - now > grace ? now + grace : deadline).Progress;

        private static Progress Progress(Handle handle) => new()
        {
            LookAgainAfter = TimeSpan.FromSeconds(1),
            Handle = handle,
            WaitingFor = WaitingFor.Platform,
            Message = "containers were asked to stop",
        };

        public static DateTimeOffset? Read(Handle? handle) =>
            handle?.Data is { } data && data.StartsWith(Prefix, StringComparison.Ordinal)
            && long.TryParse(data.AsSpan(Prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var at) && at < 253402300799999
                ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null;
    }
}
