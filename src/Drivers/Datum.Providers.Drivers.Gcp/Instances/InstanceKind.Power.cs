using System.Globalization;
using System.Text;
using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp.Instances;

/// <summary>Power beside the wish, and the serial console.</summary>
internal sealed partial class InstanceKind
{
    public async ValueTask<Outcome<InstanceFacts>> PowerAsync(Operation operation, Identity id, PowerAction action)
    {
        var found = await FindServerAsync(operation.Call, id, null);
        if (found.Item is not { } server)
            return Failure(found.Error ?? GcpErrors.Refused(ErrorCode.NotReadyYet, "The instance isn't there."));
        if (found.Mark != MarkState.Ours)
            return Failure(GcpErrors.NotOurs(found.Path));
        var off = InstanceView.IsOff(server);
        // The same token: a repetition is the same stop.
        var again = new KeyValuePair<string, string?>("requestId", GcpContext.RequestId(operation));
        var request = action switch
        {
            PowerAction.Start => off ? RestRequest.Post(RestRequest.WithQuery(found.Path + "/start", again)) : null,
            PowerAction.Stop or PowerAction.PowerOff => off ? null : RestRequest.Post(RestRequest.WithQuery(found.Path + "/stop", again)),
            // The platform's reset doesn't ask the guest (DC-102): it is stopped, and the next look finds what isn't meant to be off and starts it.
            PowerAction.Restart => RestRequest.Post(RestRequest.WithQuery(found.Path + (off ? "/start" : "/stop"), again)),
            _ => null,
        };
        if (request is null)
            return action == PowerAction.Unknown ? Failure(GcpErrors.Refused(ErrorCode.Unsupported, "There is no such action.")) : new Done<InstanceFacts>();
        return ToOutcome(await Api.ChangeAsync(operation.Call, request), []);
    }

    public async ValueTask<Answer<ConsoleText>> ReadConsoleAsync(Call call, Identity id, ConsoleQuery query)
    {
        if (query.Container is not null)
            return GcpErrors.Refused(ErrorCode.Unsupported, "The platform shows a machine's serial port, not a container's output.") with { Field = "container" };
        if (query.Cursor is { } cursor && !long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            return GcpErrors.Refused(ErrorCode.PreconditionFailed, "The cursor isn't one of a console; read the newest text.");
        var found = await FindServerAsync(call, id, null);
        if (found.Item is null)
            return found.Error ?? GcpErrors.Refused(ErrorCode.NotReadyYet, "The instance isn't there.");
        if (found.Mark != MarkState.Ours)
            return GcpErrors.NotOurs(found.Path);
        var start = query.Cursor ?? (-(long)query.MaxBytes).ToString(CultureInfo.InvariantCulture);
        var read = (await Api.Compute.SendAsync(call, RestRequest.Get(found.Path + "/serialPort?port=1&start=" + start))).Read(GcpJson.Default.SerialPort);
        if (read.Value is not { } port)
            return read.Error!;
        var (text, cut) = ConsoleTail.Newest(Encoding.UTF8.GetBytes(port.Contents ?? ""), query.MaxBytes);
        var from = long.TryParse(port.Start, NumberStyles.None, CultureInfo.InvariantCulture, out var at) ? at : 0;
        return new ConsoleText { Text = text, Next = port.Next, Truncated = cut || (query.Cursor is null ? from > 0 : from > long.Parse(query.Cursor, CultureInfo.InvariantCulture)) };
    }
}
