using System.Globalization;

namespace Datum.Providers.Clouds.Gcp;

/// <summary>The serial port, on which guests report.</summary>
public sealed partial class GcpCloud
{
    private CloudResponse SerialPort(CloudRequest request, Item item)
    {
        if (item.BootedAt is { } booted && item.Serial.Length == 0 && Knobs.GuestBoot is { } boot && _time.GetUtcNow() >= booted + boot)
            item.Serial = "Booting\r\n";
        // Its guest reports every fifteen seconds: what is shown is the newest.
        if (item.Serial == "Booting\r\n" && Now is var now)
        {
            var made = Knobs.GuestsSilentFrom is { } silent && silent < now ? silent : now;
            return SerialText(request, item, item.Serial + $"DATUM-BEACON {{\"version\":1,\"hostname\":\"guest\",\"boot\":\"1\",\"uptimeSeconds\":1,\"time\":{made.ToUnixTimeSeconds()},\"ready\":true,\"firewall\":\"none\",\"containers\":[],\"ports\":[],\"disks\":[]}}\r\n");
        }

        return SerialText(request, item, item.Serial);
    }

    private CloudResponse SerialText(CloudRequest request, Item item, string serial)
    {
        var start = long.TryParse(request.Parameter("start"), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var asked) ? asked : 0;
        var from = (int)Math.Clamp(start < 0 ? serial.Length + start : start, 0, serial.Length);
        return Json(new JsonObject
        {
            ["kind"] = "compute#serialPortOutput",
            ["selfLink"] = Link(item.Path + "/serialPort"),
            ["contents"] = serial[from..],
            ["start"] = from.ToString(CultureInfo.InvariantCulture),
            ["next"] = serial.Length.ToString(CultureInfo.InvariantCulture),
        });
    }
}
