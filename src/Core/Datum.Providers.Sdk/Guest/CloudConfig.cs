using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Datum.Providers.Sdk;

/// <summary>Writes a plan as <c>#cloud-config</c>. The body is JSON, which YAML readers take: nothing is put together as text.</summary>
internal static class CloudConfig
{
    // Escapes of characters beyond U+FFFF would be two \u of a surrogate pair, which YAML reads as two characters.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Write(GuestPlan plan)
    {
        using var stream = new MemoryStream();
        stream.Write("#cloud-config\n"u8);
        using (var json = new Utf8JsonWriter(stream, Options))
        {
            json.WriteStartObject();
            json.WriteString("hostname", plan.Spec.Hostname);
            json.WriteBoolean("preserve_hostname", false);
            json.WriteString("manage_etc_hosts", "localhost");
            Users(plan, json);
            if (plan.Options.Packages.Length > 0)
            {
                json.WriteBoolean("package_update", true);
                json.WriteStartArray("packages");
                foreach (var package in plan.Options.Packages)
                    json.WriteStringValue(package);
                json.WriteEndArray();
            }
            Commands(plan, json);
            json.WriteStartArray("write_files");
            foreach (var file in plan.Files.Concat(plan.Units.Select(u => new GuestFile($"/etc/systemd/system/{u.Name}", 0b110_100_100, Encoding.UTF8.GetBytes(u.Content), GuestPlan.Own))))
                File(file, json);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        stream.WriteByte((byte)'\n');
        return stream.ToArray();
    }

    private static void Users(GuestPlan plan, Utf8JsonWriter json)
    {
        if (plan.Users.Any(u => u.Name == "root"))
            json.WriteBoolean("disable_root", false);
        json.WriteBoolean("ssh_pwauth", false);
        // A list leaves out the image's default user, whom nobody asked for; it must have an entry, and root is always there.
        json.WriteStartArray("users");
        foreach (var user in plan.Users.DefaultIfEmpty(new GuestUser("root", [])))
        {
            json.WriteStartObject();
            json.WriteString("name", user.Name);
            json.WriteBoolean("lock_passwd", true);
            if (user.Name != "root")
                json.WriteString("shell", "/bin/bash");
            if (user.Keys.Length > 0)
            {
                json.WriteStartArray("ssh_authorized_keys");
                foreach (var key in user.Keys)
                    json.WriteStringValue(key);
                json.WriteEndArray();
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void Commands(GuestPlan plan, Utf8JsonWriter json)
    {
        // Before the files: a folder that write_files makes by itself is open to all.
        json.WriteStartArray("bootcmd");
        foreach (var (path, mode) in plan.Directories)
            Command(json, ["cloud-init-per", "instance", Semaphore(path), "install", "-d", "-m", Octal(mode), path]);
        foreach (var command in plan.EarlyCommands)
            Command(json, command);
        json.WriteEndArray();
        json.WriteStartArray("runcmd");
        Command(json, ["systemctl", "daemon-reload"]);
        Command(json, ["systemctl", "enable", .. plan.Units.Where(u => u.Enabled).Select(u => u.Name)]);
        Command(json, ["systemctl", "start", "--no-block", GuestPlan.Target]);
        json.WriteEndArray();
    }

    private static void Command(Utf8JsonWriter json, ImmutableArray<string> words)
    {
        json.WriteStartArray();
        foreach (var word in words)
            json.WriteStringValue(word);
        json.WriteEndArray();
    }

    private static void File(GuestFile file, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("path", file.Path);
        json.WriteString("permissions", Octal(file.Mode));
        json.WriteString("owner", "root:root");
        if (IsPlain(file.Content.Span))
        {
            json.WriteString("content", file.Content.Span);
        }
        else
        {
            json.WriteString("encoding", "b64");
            json.WriteBase64String("content", file.Content.Span);
        }
        json.WriteEndObject();
    }

    /// <summary>Every other content goes as base64: then no reader's idea of line ends or characters matters.</summary>
    private static bool IsPlain(ReadOnlySpan<byte> content)
    {
        foreach (var b in content)
            if (b is (< 0x20 and not (byte)'\n') or > 0x7e)
                return false;
        return true;
    }

    private static string Octal(int mode) => "0" + Convert.ToString(mode, 8).PadLeft(3, '0');

    private static string Semaphore(string path) => "datum" + path.Replace('/', '-');
}
