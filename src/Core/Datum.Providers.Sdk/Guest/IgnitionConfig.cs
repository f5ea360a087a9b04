using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>Writes a plan as an Ignition configuration, spec 3.4.0 (coreos.github.io/ignition/configuration-v3_4).</summary>
internal static class IgnitionConfig
{
    // Base64 holds '+', which the default encoder would write as six characters.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Write(GuestPlan plan)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream, Options))
        {
            json.WriteStartObject();
            json.WriteStartObject("ignition");
            json.WriteString("version", "3.4.0");
            json.WriteEndObject();
            Users(plan, json);
            Storage(plan, json);
            json.WriteStartObject("systemd");
            json.WriteStartArray("units");
            foreach (var unit in plan.Units)
            {
                json.WriteStartObject();
                json.WriteString("name", unit.Name);
                if (unit.Enabled)
                    json.WriteBoolean("enabled", true);
                json.WriteString("contents", unit.Content);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return stream.ToArray();
    }

    private static void Users(GuestPlan plan, Utf8JsonWriter json)
    {
        if (plan.Users.Count == 0)
            return;
        json.WriteStartObject("passwd");
        json.WriteStartArray("users");
        foreach (var user in plan.Users)
        {
            json.WriteStartObject();
            json.WriteString("name", user.Name);
            json.WriteStartArray("sshAuthorizedKeys");
            foreach (var key in user.Keys)
                json.WriteStringValue(key);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Storage(GuestPlan plan, Utf8JsonWriter json)
    {
        json.WriteStartObject("storage");
        json.WriteStartArray("directories");
        foreach (var (path, mode) in plan.Directories)
        {
            json.WriteStartObject();
            json.WriteString("path", path);
            json.WriteNumber("mode", mode);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("files");
        foreach (var file in plan.Files.Prepend(new GuestFile("/etc/hostname", 0b110_100_100, Encoding.UTF8.GetBytes(plan.Spec.Hostname + "\n"), GuestPlan.Own)))
        {
            json.WriteStartObject();
            json.WriteString("path", file.Path);
            json.WriteNumber("mode", file.Mode);
            json.WriteBoolean("overwrite", true);
            json.WriteStartObject("contents");
            json.WriteString("source", "data:;base64," + Convert.ToBase64String(file.Content.Span));
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
