using System.Globalization;
using System.Text;
using Datum.Providers.Drivers.Gcp.Api;

namespace Datum.Providers.Drivers.Gcp.Instances;

/// <summary>The serial console.</summary>
internal sealed partial class InstanceKind
{
    public async ValueTask<Answer<ConsoleText>> ReadConsoleAsync(Call call, Identity id, ConsoleQuery query)
    {
        if (query.Cursor is { } cursor && !long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            return GcpErrors.Refused(ErrorCode.PreconditionFailed, "The cursor isn't one of a console; read the newest text.");
        var found = await FindServerAsync(call, id, null);
        if (found.Item is null)
            return found.Error ?? GcpErrors.Refused(ErrorCode.NotReadyYet, "The instance isn't there.");
        if (found.Mark != MarkState.Ours)
            return GcpErrors.NotOurs(found.Path);
        // There is one console: the machine's stands for each of its containers.
        if (query.Container is { } container && !(GuestFingerprint.Read(InstanceView.MetadataOf(found.Item, InstanceView.SpecKey)).GetValueOrDefault("sandbox.containers") ?? "").Split(',').Contains(container))
            return GcpErrors.Refused(ErrorCode.Invalid, $"The instance has no container '{container}'.") with { Field = "container" };
        var start = query.Cursor ?? (-(long)query.MaxBytes).ToString(CultureInfo.InvariantCulture);
        var read = (await Api.Compute.SendAsync(call, RestRequest.Get(found.Path + "/serialPort?port=1&start=" + start))).Read(GcpJson.Default.SerialPort);
        if (read.Value is not { } port)
            return read.Error!;
        var (text, cut) = ConsoleTail.Newest(Encoding.UTF8.GetBytes(port.Contents ?? ""), query.MaxBytes);
        var from = long.TryParse(port.Start, NumberStyles.None, CultureInfo.InvariantCulture, out var at) ? at : 0;
        return new ConsoleText { Text = text, Next = port.Next, Truncated = cut || (query.Cursor is null ? from > 0 : from > long.Parse(query.Cursor, CultureInfo.InvariantCulture)) };
    }
}
