using Datum.Providers.Drivers.Podman.Firewall;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Instances;

internal sealed partial class PodmanInstances
{
    // A small image is there within it; a large one is left to the session.
    private static readonly TimeSpan PullWait = TimeSpan.FromSeconds(8);

    public async ValueTask<Outcome<InstanceFacts>> CreateAsync(Operation operation, Identity id, InstanceSpec desired)
    {
        if (Validate(desired).FirstOrDefault(f => !f.Tolerated) is { } finding)
            return Failed(Refusal(ErrorCode.Unsupported, finding.Message, finding.Path));
        var part = operation.Step.Part;
        switch (part)
        {
            case InstanceParts.Pod:
                return await CreatePodAsync(operation.Call, id, desired);
            case InstanceParts.Sandbox:
                return await StartSandboxAsync(operation.Call, id);
            case InstanceParts.Firewall:
                return await SetFirewallAsync(operation.Call, id, desired);
            case InstanceParts.Payload:
                return await StorePayloadAsync(operation.Call, id, desired);
            case InstanceParts.Start:
                return await StartContainersAsync(operation.Call, id, desired);
            default:
                foreach (var container in desired.Sandbox!.Containers)
                {
                    if (part == InstanceParts.Image(container.Name))
                        return await PullAsync(operation.Call, desired, container);
                    if (part == InstanceParts.Container(container.Name))
                        return await CreateContainerAsync(operation.Call, id, desired, container);
                }

                return Failed(Session.UnknownStep(operation.Step));
        }
    }

    public async ValueTask<Outcome<InstanceFacts>> UpdateAsync(Operation operation, Identity id, InstanceSpec desired) => operation.Step.Part switch
    {
        InstanceParts.Firewall => await SetFirewallAsync(operation.Call, id, desired),
        InstanceParts.Suspend => await StopAsync(operation.Call, id),
        InstanceParts.SuspendNow => await KillAllAsync(operation.Call, id),
        _ => Failed(Session.UnknownStep(operation.Step)),
    };

    private async ValueTask<Outcome<InstanceFacts>> CreatePodAsync(Call call, Identity id, InstanceSpec spec)
    {
        var name = PodmanNames.For(id);
        var found = await session.Podman.PodAsync(call, name);
        if (found.Error is { } lookError)
            return Failed(lookError);
        if (id.PartId(InstanceParts.Pod) is { } recorded && found.Value?.Id != recorded)
            return Failed(Session.Gone($"pod {recorded}"));
        if (found.Value is { } existing)
        {
            var mark = Marks.Parse(existing.Labels ?? []);
            if (Marks.Compare(id, mark) is not MarkState.Ours and var state)
                return Failed(Session.NotOurs(name, state));
            if (mark!.Incarnation != id.Incarnation)
                return Failed(Refusal(ErrorCode.Conflict, $"{name} of an earlier life is still there.") with { BlockedBy = [name] });
            // An earlier try whose answer was lost.
            if (!string.IsNullOrEmpty(existing.InfraId))
                return new Done<InstanceFacts> { Parts = [new Part { Name = InstanceParts.Pod, Id = existing.Id }] };
            // A pod without infra container was cut off while it was made; it can't be completed.
            var removed = await session.Podman.DeletePodAsync(call, existing.Id);
            if (removed is { Error: { } removeError, NotFound: false })
                return Failed(removeError);
        }

        // With an unknown network Podman fails halfway and leaves such a pod behind.
        var network = InstanceBodies.NetworkName(spec.Interfaces[0]);
        var networkFound = await session.Podman.NetworkAsync(call, network);
        if (networkFound.Error is { } networkError)
            return Failed(networkError);
        if (networkFound.Value is null)
            return Failed(Refusal(ErrorCode.NotReadyYet, $"Network {network} isn't there.", "interfaces"));

        var result = await session.Podman.CreatePodAsync(call, InstanceBodies.Pod(id, spec, session.Settings));
        if (result.Error is { } error)
            return Failed(error.Code is ErrorCode.Conflict or ErrorCode.Forbidden or ErrorCode.Throttled || result.Status is 0 ? error : error with { Effect = Effect.Unknown });
        var created = result.Read(LibpodJson.Default.CreatedId);
        return created.Error is { } unreadable ? Failed(unreadable)
            : new Done<InstanceFacts> { Parts = [new Part { Name = InstanceParts.Pod, Id = created.Value!.Id }] };
    }

    private async ValueTask<Outcome<InstanceFacts>> StartSandboxAsync(Call call, Identity id)
    {
        var (view, error) = await OwnAsync(call, id, withFirewall: false);
        if (error is not null)
            return Failed(error);
        if (view.Infra is null)
            return Failed(Refusal(ErrorCode.NotReadyYet, "The pod has no infra container."));
        if (view.InfraRuns)
            return new Done<InstanceFacts>();
        // Containers that outlived the infra container sit in its old network namespace, without address and rules.
        foreach (var orphan in view.Running)
            if (await session.Podman.KillContainerAsync(call, orphan.Id, "SIGKILL") is { Error: { } killError, Status: not 409, NotFound: false })
                return Failed(killError);
        var started = await session.Podman.StartContainerAsync(call, view.Infra.Id);
        return started.Error is { } startError ? Failed(startError) : new Done<InstanceFacts>();
    }

    private async ValueTask<Outcome<InstanceFacts>> SetFirewallAsync(Call call, Identity id, InstanceSpec spec)
    {
        if (session.Firewall.Unavailable is { } reason)
            return Failed(Refusal(ErrorCode.Unsupported, reason, $"interfaces[{spec.Interfaces[0].Name}].ingress"));
        var (view, error) = await OwnAsync(call, id, withFirewall: false);
        if (error is { Code: ErrorCode.NotReadyYet } && view.Pod is null && id.PartId(InstanceParts.Pod) is { } recorded)
            return Failed(Session.Gone($"pod {recorded}"));
        if (error is not null)
            return Failed(error);
        if (view.NetworkNamespace is not { } netns)
            return Failed(Refusal(ErrorCode.NotReadyYet, "The pod's network isn't up."));
        var ruleset = spec.Interfaces[0].Ingress is { } rules ? NftRuleset.From(rules).Text : NftRuleset.Remove;
        var applied = await session.Firewall.ApplyAsync(netns, ruleset, call.Cancellation);
        return applied is null ? new Done<InstanceFacts>() : Failed(applied);
    }

    private async ValueTask<Outcome<InstanceFacts>> PullAsync(Call call, InstanceSpec spec, ContainerSpec container)
    {
        var reference = session.ImageOf(container)!;
        var (auth, authError) = await RegistryAuth.ReadAsync(call, spec.Sandbox!.PullSecrets, ImageReference.Registry(reference));
        if (authError is not null)
            return Failed(authError);
        var pull = pulls.Start(reference, auth, call.Id);
        var left = call.Deadline - session.Time.GetUtcNow() - TimeSpan.FromSeconds(1);
        var wait = left < PullWait ? left : PullWait;
        if (!pull.IsCompleted && wait > TimeSpan.Zero)
        {
            try
            {
                await pull.WaitAsync(wait, session.Time, call.Cancellation);
            }
            catch (TimeoutException)
            {
                // It goes on; the next look sees whether the image is there.
            }
        }

        if (!pull.IsCompleted)
            return new Running<InstanceFacts> { Progress = PullProgress(container) };
        return await pull is { } error ? Failed(error with { Field = $"sandbox.containers[{container.Name}].image" }) : new Done<InstanceFacts>();
    }

    private async ValueTask<Outcome<InstanceFacts>> StorePayloadAsync(Call call, Identity id, InstanceSpec spec)
    {
        if (Payloads.Sentinel(id, spec) is not { } sentinel)
            return new Done<InstanceFacts>();
        var existing = await session.Podman.SecretsAsync(call);
        if (existing.Error is { } listError)
            return Failed(listError);
        var names = existing.Value!.Select(s => s.Spec.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var container in spec.Sandbox!.Containers)
        {
            var payload = await Payloads.ReadAsync(call, id, spec, container);
            if (payload.Error is { } readError)
                return Failed(readError);
            foreach (var (name, value) in payload.Value!.Secrets)
                if (names.Add(name) && await StoreAsync(call, name, value) is { } storeError)
                    return Failed(storeError);
        }

        if (names.Add(sentinel) && await StoreAsync(call, sentinel, "all"u8.ToArray()) is { } sentinelError)
            return Failed(sentinelError);
        // No part: a look at a pod doesn't list secrets, and a deletion finds them by their names.
        return new Done<InstanceFacts>();
    }

    // A name that is taken holds the same value: the name has the hash of it.
    private async ValueTask<DriverError?> StoreAsync(Call call, string name, ReadOnlyMemory<byte> value)
    {
        var result = await session.Podman.CreateSecretAsync(call, name, value);
        if (result.Error is not { Code: not ErrorCode.Conflict } error)
            return null;
        // The body is the value itself, so an answer's own words could repeat it (law L12).
        return result.Status == 0 ? error : error with { Message = $"Podman doesn't take the contents of {name}: status {result.Status}.", PlatformCode = null };
    }

    private async ValueTask<Outcome<InstanceFacts>> CreateContainerAsync(Call call, Identity id, InstanceSpec spec, ContainerSpec container)
    {
        var (view, error) = await OwnAsync(call, id, withFirewall: false);
        if (error is not null)
            return Failed(error);
        if (view.Containers.TryGetValue(container.Name, out var existing))
            return Made(container, existing.Id, existing.ImageId);
        if (id.PartId(InstanceParts.Container(container.Name)) is { } recorded)
            return Failed(Session.Gone($"container {recorded}"));
        var image = await LocalImageAsync(call, id, container);
        if (image.Error is { } imageError)
            return Failed(imageError);
        if (image.Value is not { } local)
            return Failed(Refusal(ErrorCode.NotReadyYet, $"{container.Image} isn't on the machine."));
        var payload = await Payloads.ReadAsync(call, id, spec, container);
        if (payload.Error is { } payloadError)
            return Failed(payloadError);
        var body = InstanceBodies.Container(id, spec, container, view.Pod!.Id, local.Id, payload.Value!, session.Settings);
        var result = await session.Podman.CreateContainerAsync(call, body);
        if (result.Error is { } createError)
            return Failed(createError.Code == ErrorCode.Conflict ? createError with { BlockedBy = [body.Name] } : createError);
        var created = result.Read(LibpodJson.Default.CreatedId);
        return created.Error is { } unreadable ? Failed(unreadable) : Made(container, created.Value!.Id, local.Id);
    }

    private static Done<InstanceFacts> Made(ContainerSpec container, string containerId, string? imageId) => new()
    {
        Parts = [new Part { Name = InstanceParts.Container(container.Name), Id = containerId }],
        Resolved = imageId is null ? ImmutableDictionary<string, string>.Empty
            : ImmutableDictionary<string, string>.Empty.Add(InstanceParts.ResolvedImage(container.Name), imageId),
    };

    private async ValueTask<Outcome<InstanceFacts>> StartContainersAsync(Call call, Identity id, InstanceSpec spec)
    {
        var (view, error) = await OwnAsync(call, id, withFirewall: true);
        if (error is not null)
            return Failed(error);
        // Starting a container would start the infra container with it, before any rule stands.
        if (!view.InfraRuns)
            return Failed(Refusal(ErrorCode.NotReadyYet, "The pod's network isn't up."));
        if (FirewallEnforced && view.PolicyStands(spec.Interfaces[0].Ingress) == false)
            return Failed(Refusal(ErrorCode.NotReadyYet, "The ingress rules don't stand yet."));
        foreach (var container in spec.Sandbox!.Containers)
        {
            if (!view.Containers.TryGetValue(container.Name, out var actual) || actual.State.Running)
                continue;
            var started = await session.Podman.StartContainerAsync(call, actual.Id);
            if (started.Error is { } startError)
            {
                if (startError.Code is ErrorCode.Invalid)
                    _startFailures[actual.Id] = startError.Message;
                return Failed(startError with { Field = $"sandbox.containers[{container.Name}]" });
            }

            _startFailures.TryRemove(actual.Id, out _);
        }

        return new Done<InstanceFacts>();
    }

    /// <summary>The instance as it is, provided that it is there and ours (law L3).</summary>
    private async ValueTask<(InstanceView View, DriverError? Error)> OwnAsync(Call call, Identity id, bool withFirewall)
    {
        var read = await InstanceReader.ReadAsync(session, call, id, withFirewall);
        if (read.Error is { } error)
            return (new InstanceView(), error);
        var view = read.Value!;
        return view.Pod is null ? (view, Refusal(ErrorCode.NotReadyYet, "The pod isn't there."))
            : view.Mark != MarkState.Ours ? (view, Session.NotOurs(view.Pod.Name, view.Mark))
            : (view, null);
    }
}
