using System.Globalization;
using System.Text.Json;
using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Instances;

internal sealed partial class PodmanInstances
{
    public async ValueTask<Outcome<InstanceFacts>> DeleteAsync(Operation operation, Identity id) => operation.Step.Part switch
    {
        InstanceParts.Stop => await StopAsync(operation.Call, id, forRemoval: true),
        InstanceParts.StopNow => await KillForRemovalAsync(operation.Call, id),
        var part when InstanceParts.IsContainer(part) => await DeleteContainerAsync(operation.Call, id, part),
        InstanceParts.Pod => await DeletePodAsync(operation.Call, id),
        InstanceParts.Payload => await DeletePayloadAsync(operation.Call, id),
        _ => Failed(Session.UnknownStep(operation.Step)),
    };

    private async ValueTask<Answer<Observation<InstanceFacts>>> ObserveForRemovalAsync(Call call, Identity id, Handle? handle)
    {
        var read = await InstanceReader.ReadAsync(session, call, id, withFirewall: false);
        if (read.Error is { } error)
            return error;
        var view = read.Value!;
        if (view.Pod is null)
        {
            var (outside, outsideError) = await OutsideAsync(call, id);
            if (outsideError is not null)
                return outsideError;
            if (!outside.IsEmpty)
                return new Present<InstanceFacts>
                {
                    Facts = new InstanceFacts { Power = PowerState.Unknown, PlatformState = "without pod" },
                    Parts = outside,
                    State = Lifecycle.Deleting,
                    Mark = MarkState.Ours,
                    Incarnation = id.Incarnation,
                    Next = Steps.ContainerRemoval(outside[0].Name),
                };
            var secrets = await session.Podman.SecretsAsync(call);
            if (secrets.Error is { } secretsError)
                return secretsError;
            if (!secrets.Value!.Any(s => s.Spec.Name.StartsWith(Payloads.Prefix(id), StringComparison.Ordinal)))
                return new Absent<InstanceFacts>();
            return new Present<InstanceFacts>
            {
                Facts = new InstanceFacts { Power = PowerState.Stopped, PlatformState = "removed" },
                Parts = [new Part { Name = InstanceParts.Payload, Id = Payloads.Prefix(id) }],
                State = Lifecycle.Deleting,
                Mark = MarkState.Ours,
                Incarnation = id.Incarnation,
                Next = Steps.PayloadRemoval,
            };
        }

        if (view.Mark != MarkState.Ours)
            return NotOurs(view);
        // What depends goes first; the pod last, with its infra container.
        Step? next = view.Containers.IsEmpty ? Steps.PodRemoval
            : Steps.ContainerRemoval(view.Containers.Keys.Select(InstanceParts.Container).Order(StringComparer.Ordinal).First());
        Progress? progress = null;
        if (view.Running.Any() && Grace(view) > TimeSpan.Zero)
        {
            if (StopHandle.Read(handle) is not { } deadline)
                next = Steps.Stop;
            else if (StopHandle.Left(deadline, session.Time.GetUtcNow(), Grace(view)) is { } left)
                (next, progress) = (null, left);
            else
                // All at once: the handle ends with this step, and what went on running would be asked again.
                next = Steps.StopNow;
        }

        return new Present<InstanceFacts>
        {
            Facts = OfPower(view.Pod, InstanceFactsReader.Without(view)),
            Parts = view.Parts,
            State = progress is null ? view.Running.Any() ? Lifecycle.Ready : Lifecycle.Degraded : Lifecycle.Deleting,
            Mark = MarkState.Ours,
            Incarnation = view.Incarnation,
            Next = next,
            InProgress = progress,
        };
    }

    private static TimeSpan Grace(InstanceView view) =>
        TimeSpan.FromSeconds(view.Running.Select(c => c.Config?.StopTimeout ?? 0).DefaultIfEmpty(0).Max());

    private async ValueTask<Outcome<InstanceFacts>> KillForRemovalAsync(Call call, Identity id)
    {
        var (view, error) = await OwnAsync(call, id, withFirewall: false);
        if (error is not null)
            return view.Pod is null && error.Code == ErrorCode.NotReadyYet ? new Done<InstanceFacts>() : Failed(error);
        if (!view.Strangers.IsEmpty)
            return Failed(Inhabited(view));
        foreach (var container in view.Running)
            // Without a grace Podman kills, and answers when it has ended.
            if (await session.Podman.StopContainerAsync(call, container.Id, 0) is { Error: { } stopError, NotFound: false })
                return Failed(stopError);
        return new Done<InstanceFacts>();
    }

    private async ValueTask<Outcome<InstanceFacts>> DeleteContainerAsync(Call call, Identity id, string part)
    {
        var (view, error) = await OwnAsync(call, id, withFirewall: false);
        string? target;
        if (view.Pod is null && error is { Code: ErrorCode.NotReadyYet })
        {
            var (outside, outsideError) = await OutsideAsync(call, id);
            if (outsideError is not null)
                return Failed(outsideError);
            target = outside.FirstOrDefault(p => p.Name == part)?.Id;
        }
        else if (error is not null)
        {
            return Failed(error);
        }
        else if (!view.Strangers.IsEmpty)
        {
            return Failed(Inhabited(view));
        }
        else
        {
            target = view.Parts.FirstOrDefault(p => p.Name == part)?.Id;
        }

        if (target is null)
            return new Done<InstanceFacts>();
        if (await session.Podman.DeleteContainerAsync(call, target) is { Error: { } removeError, NotFound: false })
            return Failed(removeError);
        _startFailures.TryRemove(target, out _);
        return new Done<InstanceFacts>();
    }

    /// <summary>Recorded containers of ours that are there although there is no pod: whatever made them, they carry our mark.</summary>
    private async ValueTask<(ImmutableArray<Part> Parts, DriverError? Error)> OutsideAsync(Call call, Identity id)
    {
        var outside = ImmutableArray.CreateBuilder<Part>();
        foreach (var part in id.Parts.Where(p => InstanceParts.IsContainer(p.Name)).OrderBy(p => p.Name, StringComparer.Ordinal))
        {
            var found = await session.Podman.ContainerAsync(call, part.Id);
            if (found.Error is { } error)
                return ([], error);
            if (found.Value is { } container && Marks.Compare(id, Marks.Parse(container.Config?.Labels ?? []), part.Name) == MarkState.Ours)
                outside.Add(part);
        }

        return (outside.ToImmutable(), null);
    }

    private static DriverError Inhabited(InstanceView view) =>
        Refusal(ErrorCode.Conflict, "Somebody else's containers are in the pod; they are left alone.") with { BlockedBy = view.Strangers };

    /// <summary>Asks every running container to stop. Doesn't wait: how long they may take is in the handle.</summary>
    private async ValueTask<Outcome<InstanceFacts>> StopAsync(Call call, Identity id, bool forRemoval = false)
    {
        var (view, error) = await OwnAsync(call, id, withFirewall: false);
        if (error is not null)
            return view.Pod is null && error.Code == ErrorCode.NotReadyYet ? new Done<InstanceFacts>() : Failed(error);
        // A pod that can't be removed is left running.
        if (forRemoval && !view.Strangers.IsEmpty)
            return Failed(Inhabited(view));
        foreach (var container in view.Running)
            if (await session.Podman.KillContainerAsync(call, container.Id, StopSignal(container)) is { Error: { } killError, Status: not 409, NotFound: false })
                return Failed(killError);
        return StopHandle.Until(session.Time.GetUtcNow() + Grace(view));
    }

    private async ValueTask<Outcome<InstanceFacts>> KillAllAsync(Call call, Identity id)
    {
        var (view, error) = await OwnAsync(call, id, withFirewall: false);
        return error is not null ? Failed(error)
            : await KillAsync(call, view) is { } killError ? Failed(killError)
            : new Done<InstanceFacts>();
    }

    private async ValueTask<DriverError?> KillAsync(Call call, InstanceView view)
    {
        foreach (var container in view.Running)
            // 409: it ended since it was read.
            if (await session.Podman.KillContainerAsync(call, container.Id, "SIGKILL") is { Error: { } error, Status: not 409, NotFound: false })
                return error;
        return null;
    }

    private async ValueTask<Outcome<InstanceFacts>> DeletePodAsync(Call call, Identity id)
    {
        var (view, error) = await OwnAsync(call, id, withFirewall: false);
        if (view.Pod is null && error is null or { Code: ErrorCode.NotReadyYet })
            return new Done<InstanceFacts>();
        if (error is not null)
            return Failed(error);
        // Removing the pod removes what others put into it (law L3).
        if (!view.Strangers.IsEmpty)
            return Failed(Inhabited(view));
        // They have steps of their own (DC-15).
        if (!view.Containers.IsEmpty)
            return Failed(Refusal(ErrorCode.PreconditionFailed, $"Containers are still in the pod: {string.Join(", ", view.Containers.Keys.Order(StringComparer.Ordinal))}."));
        var result = await session.Podman.DeletePodAsync(call, view.Pod!.Id);
        if (result.NotFound)
            return new Done<InstanceFacts>();
        power.Forget(view.Pod.Id);
        return (result.Error ?? Remainder(result)) is { } removeError ? Failed(removeError) : new Done<InstanceFacts>();
    }

    // Podman answers 200 with an error inside when parts of the pod stay.
    private static DriverError? Remainder(RestResult result)
    {
        try
        {
            using var document = JsonDocument.Parse(result.Body);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty("Err", out var inner) && inner.ValueKind != JsonValueKind.Null
                ? LibpodErrors.Table.Classify(500, new ErrorDetail { Message = inner.ToString() }, mutation: true) with { Effect = Effect.Unknown }
                : null;
        }
        catch (JsonException)
        {
            // No body: the status says that it is done.
            return null;
        }
    }

    private async ValueTask<Outcome<InstanceFacts>> DeletePayloadAsync(Call call, Identity id)
    {
        var secrets = await session.Podman.SecretsAsync(call);
        if (secrets.Error is { } error)
            return Failed(error);
        foreach (var secret in secrets.Value!)
        {
            if (!secret.Spec.Name.StartsWith(Payloads.Prefix(id), StringComparison.Ordinal))
                continue;
            if (await session.Podman.DeleteSecretAsync(call, secret.Spec.Name) is { Error: { } removeError, NotFound: false })
                return Failed(removeError);
        }

        return new Done<InstanceFacts>();
    }

    private static string StopSignal(ContainerInspect container) => container.Config?.StopSignal switch
    {
        { ValueKind: JsonValueKind.Number } number when number.TryGetInt32(out var n) && n > 0 => n.ToString(CultureInfo.InvariantCulture),
        { ValueKind: JsonValueKind.String } name when name.GetString() is { Length: > 0 } text => text,
        _ => "SIGTERM",
    };
}
