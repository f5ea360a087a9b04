using System.Globalization;
using Datum.Providers.Sdk;

namespace Datum.Providers.Drivers.Simulator;

/// <summary>Power and console of instances.</summary>
internal sealed class SimulatorGuests(SimulatorContext context)
{
    private const string CursorPrefix = "simc1:";
    private const int MaxBytes = 1024 * 1024;

    private readonly PartAccess _parts = new(context, ResourceKind.Instance);

    public async ValueTask<Outcome<InstanceFacts>> PowerAsync(Operation operation, Identity id, PowerAction action)
    {
        if (operation.Step.Part != "power" || action is not (PowerAction.Start or PowerAction.Stop or PowerAction.PowerOff or PowerAction.Restart))
            return Failure(PartAccess.Refused(ErrorCode.Bug, $"There is no step {operation.Step.Part} that does {action}."));
        if (id.PartId(InstanceMapping.Server) is not { } recorded)
            return Failure(PartAccess.Refused(ErrorCode.PreconditionFailed, "No server is recorded for this instance."));
        var look = await _parts.ReadAsync(operation.Call, id, Collections.Servers, recorded, markPart: null);
        if (look.Item is not { } server)
            return Failure(look.Error ?? PartAccess.Refused(ErrorCode.PreconditionFailed, $"The server {recorded} isn't there."));
        if (look.Mark != MarkState.Ours)
            return Failure(PartAccess.NotOurs(server));
        switch (action)
        {
            case PowerAction.Start when server.State == CloudStates.Ready:
            case PowerAction.Stop or PowerAction.PowerOff when server.State == CloudStates.Stopped:
                return new Done<InstanceFacts>();
            // Asked already: by an earlier call, or by somebody else.
            case PowerAction.Stop when server.State == CloudStates.Stopping:
                return Stopping(server);
            default:
                break;
        }

        // A restart has no state by which it is known to be done: the platform knows it by the token.
        var (verb, token) = action switch
        {
            PowerAction.Start => ("start", null),
            PowerAction.Stop => ("stop", null),
            PowerAction.PowerOff => ("power-off", null),
            _ => ("restart", operation.Token),
        };
        var answer = await context.Api.ActAsync(operation.Call, server.Id, verb, token: token);
        return answer.Value is not { } after ? Failure(answer.Error!)
            : after.State == CloudStates.Stopping ? Stopping(after)
            : new Done<InstanceFacts>();
    }

    public async ValueTask<Answer<ConsoleText>> ReadConsoleAsync(Call call, Identity id, ConsoleQuery query)
    {
        if (query.MaxBytes is < 1 or > MaxBytes)
            return PartAccess.Refused(ErrorCode.Invalid, $"maxBytes is 1 to {MaxBytes}.") with { Field = "maxBytes" };
        var look = await _parts.FindAsync(call, id, Collections.Servers, InstanceMapping.Server, markPart: null);
        if (look.Error is not null)
            return look.Error;
        if (look.Item is not { } server)
            return PartAccess.Refused(ErrorCode.NotReadyYet, "The instance isn't there.");
        if (look.Mark != MarkState.Ours)
            return PartAccess.NotOurs(server);
        var containers = server.Containers ?? [];
        if (query.Container is null && containers.Length > 1)
            return PartAccess.Refused(ErrorCode.Invalid, $"The instance has several containers; name one of {string.Join(", ", containers.Select(c => c.Name))}.") with { Field = "container" };
        var container = query.Container ?? (containers.Length == 1 ? containers[0].Name : null);
        var prefix = $"{CursorPrefix}{server.Id}:{container}:";
        long? after = null;
        if (query.Cursor is { } cursor)
        {
            if (!cursor.StartsWith(prefix, StringComparison.Ordinal) || !long.TryParse(cursor.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var from))
                return PartAccess.Refused(ErrorCode.PreconditionFailed, "The cursor isn't one of this console; begin again.");
            after = from;
        }

        var (console, error) = await context.Api.ConsoleAsync(call, server.Id, container, after, query.MaxBytes);
        if (error is not null)
            return error;
        if (console is null)
            return PartAccess.Refused(ErrorCode.NotReadyYet, "The instance isn't there.");
        var (text, cut) = ConsoleTail.Newest(console.Text.Span, query.MaxBytes);
        return new ConsoleText
        {
            Text = text,
            Next = prefix + (console.Start + console.Text.Length).ToString(CultureInfo.InvariantCulture),
            Truncated = cut || console.Start > (after ?? 0),
        };
    }

    private static Running<InstanceFacts> Stopping(CloudObject server) => new() { Progress = PartAccess.ToProgress(server, null)! };

    private static Failed<InstanceFacts> Failure(DriverError error) => new() { Error = error };
}
