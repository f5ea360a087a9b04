using Datum.Providers.Drivers.Podman.Libpod;

namespace Datum.Providers.Drivers.Podman.Instances;

/// <summary>Power and console. Power is that of the containers: the infra container stays, and with it the address and the ingress rules.</summary>
internal sealed partial class PodmanInstances
{
    private const int MaxConsoleBytes = 1024 * 1024;

    // Lines that are asked for at first, and when they are too long for one answer.
    private static ImmutableArray<int> ConsoleLines => [4096, 256, 16];

    private static Progress StopProgress => new() { LookAgainAfter = TimeSpan.FromSeconds(1), WaitingFor = WaitingFor.Platform, Message = "containers were asked to stop" };

    public async ValueTask<Outcome<InstanceFacts>> PowerAsync(Operation operation, Identity id, PowerAction action)
    {
        if (operation.Step.Part != "power" || action is not (PowerAction.Start or PowerAction.Stop or PowerAction.PowerOff or PowerAction.Restart))
            return Failed(Refusal(ErrorCode.Bug, $"There is no step '{operation.Step.Part}' that does {action}."));
        if (id.PartId(InstanceParts.Pod) is null)
            return Failed(Refusal(ErrorCode.PreconditionFailed, "No pod is recorded for this instance."));
        var (view, error) = await OwnAsync(operation.Call, id, withFirewall: false);
        if (error is not null)
            return Failed(view.Pod is null && error.Code == ErrorCode.NotReadyYet ? error with { Code = ErrorCode.PreconditionFailed } : error);
        var podId = view.Pod!.Id;
        var work = power.Of(podId);
        if (action == PowerAction.PowerOff)
            return await KillAsync(operation.Call, view) is { } killError ? Failed(killError) : new Done<InstanceFacts>();
        if (work is { Result.IsCompleted: false })
            return (work.Token == operation.Token && work.Action == action) || (work.Action, action) == (PowerAction.Stop, PowerAction.Stop)
                ? new Running<InstanceFacts> { Progress = StopProgress }
                : Failed(Refusal(ErrorCode.NotReadyYet, "The containers are just being stopped."));
        // The same operation again: it is done once (the session remembers it).
        if (work is not null && work.Token == operation.Token && work.Action == action)
            return await work.Result is { } failure ? Failed(failure) : new Done<InstanceFacts>();
        if (action == PowerAction.Stop ? !view.Running.Any() : action == PowerAction.Start && view.Containers.Values.All(c => c.State.Running))
            return new Done<InstanceFacts>();
        if (action == PowerAction.Stop)
            return Begin(operation, podId, action, [.. view.Running]);
        // Starting a container starts the infra container with it, before any rule stands: that is for the steps of building.
        if (!view.InfraRuns || !view.Containers.Values.All(c => c.State.EverStarted))
            return Failed(Refusal(ErrorCode.NotReadyYet, "The instance isn't built, or its network isn't up; the next look mends that."));
        if (action == PowerAction.Restart)
            return Begin(operation, podId, action, [.. view.Containers.Values]);
        foreach (var container in view.Containers.Values.Where(c => !c.State.Running).OrderBy(c => c.Name, StringComparer.Ordinal))
            if (await session.Podman.StartContainerAsync(operation.Call, container.Id) is { Error: { } startError })
                return Failed(startError);
        return new Done<InstanceFacts>();
    }

    public async ValueTask<Answer<ConsoleText>> ReadConsoleAsync(Call call, Identity id, ConsoleQuery query)
    {
        if (query.MaxBytes is < 1 or > MaxConsoleBytes)
            return Refusal(ErrorCode.Invalid, $"maxBytes is 1 to {MaxConsoleBytes}.", "maxBytes");
        var (view, error) = await OwnAsync(call, id, withFirewall: false);
        if (error is not null)
            return error;
        if (query.Container is null && view.Containers.Count > 1)
            return Refusal(ErrorCode.Invalid, $"The instance has several containers; name one of {string.Join(", ", view.Containers.Keys.Order(StringComparer.Ordinal))}.", "container");
        var container = query.Container is null ? view.Containers.Values.FirstOrDefault() : view.Containers.GetValueOrDefault(query.Container);
        if (container is null)
            return query.Container is null || view.Containers.IsEmpty
                ? Refusal(ErrorCode.NotReadyYet, "The container isn't there yet.")
                : Refusal(ErrorCode.Invalid, $"There is no container '{query.Container}'; there are {string.Join(", ", view.Containers.Keys.Order(StringComparer.Ordinal))}.", "container");
        LogCursor? after = null;
        if (query.Cursor is { } text && ((after = LogCursor.Parse(text)) is null || after.Container != container.Id))
            return Refusal(ErrorCode.PreconditionFailed, "The cursor isn't one of this container; begin again.");

        RestResult? result = null;
        var asked = 0;
        foreach (var lines in ConsoleLines)
        {
            asked = lines;
            result = await session.Podman.LogsAsync(call, container.Id, lines, after?.Since);
            // Status 0 with Failed: more bytes than an answer may have.
            if (result.Error is not { Code: ErrorCode.Failed } || result.Status != 0)
                break;
        }

        if (result!.NotFound)
            return Refusal(ErrorCode.NotReadyYet, "The container isn't there yet.");
        return result.Error is { } failed ? failed : ContainerLog.Read(result.Body, asked, after ?? new LogCursor { Container = container.Id }, query.MaxBytes);
    }

    private Outcome<InstanceFacts> Begin(Operation operation, string podId, PowerAction action, IReadOnlyList<ContainerInspect> containers)
    {
        var work = power.Start(podId, operation.Token, action, containers, operation.Call.Id);
        return work.Token == operation.Token
            ? new Running<InstanceFacts> { Progress = StopProgress }
            : Failed(Refusal(ErrorCode.NotReadyYet, "The containers are just being stopped."));
    }
}
