using System.Formats.Tar;
using System.Text;
using System.Text.Json;
using YamlDotNet.RepresentationModel;

namespace Datum.Providers.Sdk.Tests.Guest;

/// <summary>A file as somebody else's reader found it.</summary>
internal sealed record ReadFile(int Mode, byte[] Content)
{
    public string Text => new UTF8Encoding(false, true).GetString(Content);
}

/// <summary>Reads what was rendered with readers that share nothing with the renderer.</summary>
internal static class Rendered
{
    /// <summary>The files of a cloud-config by path, read by a YAML parser.</summary>
    public static Dictionary<string, ReadFile> CloudFiles(GuestBootstrap rendered)
    {
        var files = new Dictionary<string, ReadFile>(StringComparer.Ordinal);
        foreach (var item in ((YamlSequenceNode)Yaml(rendered)["write_files"]).Cast<YamlMappingNode>())
        {
            string? Scalar(string key) => item.Children.TryGetValue(new YamlScalarNode(key), out var node) ? ((YamlScalarNode)node).Value : null;
            var content = Scalar("encoding") == "b64" ? Convert.FromBase64String(Scalar("content")!) : Encoding.UTF8.GetBytes(Scalar("content")!);
            files.Add(Scalar("path")!, new ReadFile(Convert.ToInt32(Scalar("permissions"), 8), content));
        }
        return files;
    }

    public static YamlMappingNode Yaml(GuestBootstrap rendered)
    {
        var text = Encoding.UTF8.GetString(rendered.UserData.Span);
        Assert.That(text, Does.StartWith("#cloud-config\n"));
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return (YamlMappingNode)stream.Documents.Single().RootNode;
    }

    /// <summary>What is beside the files: host name, users and commands.</summary>
    public static string WithoutFiles(GuestBootstrap rendered)
    {
        if (rendered.Form == UserDataForm.CloudInit)
            return string.Join('\n', Yaml(rendered).Children.Where(c => ((YamlScalarNode)c.Key).Value != "write_files").Select(c => $"{c.Key}: {c.Value}"));
        using var json = JsonDocument.Parse(rendered.UserData);
        return string.Join('\n', json.RootElement.EnumerateObject().Where(p => p.Name is not ("storage" or "systemd")).Select(p => p.ToString()));
    }

    /// <summary>The files of an Ignition configuration by path; units stand under /etc/systemd/system.</summary>
    public static Dictionary<string, ReadFile> IgnitionFiles(GuestBootstrap rendered)
    {
        using var json = JsonDocument.Parse(rendered.UserData);
        var files = new Dictionary<string, ReadFile>(StringComparer.Ordinal);
        foreach (var file in json.RootElement.GetProperty("storage").GetProperty("files").EnumerateArray())
        {
            var source = file.GetProperty("contents").GetProperty("source").GetString()!;
            files.Add(file.GetProperty("path").GetString()!, new ReadFile(file.GetProperty("mode").GetInt32(), Convert.FromBase64String(source["data:;base64,".Length..])));
        }
        foreach (var unit in json.RootElement.GetProperty("systemd").GetProperty("units").EnumerateArray())
            files.Add("/etc/systemd/system/" + unit.GetProperty("name").GetString(), new ReadFile(0x1A4, Encoding.UTF8.GetBytes(unit.GetProperty("contents").GetString()!)));
        return files;
    }

    /// <summary>The regular files of the secrets document by path.</summary>
    public static Dictionary<string, ReadFile> Secrets(GuestBootstrap rendered)
    {
        var files = new Dictionary<string, ReadFile>(StringComparer.Ordinal);
        using var tar = new TarReader(new MemoryStream(rendered.Secrets!.Value.ToArray()));
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry.EntryType != TarEntryType.RegularFile)
                continue;
            using var content = new MemoryStream();
            entry.DataStream?.CopyTo(content);
            files.Add(entry.Name, new ReadFile((int)entry.Mode, content.ToArray()));
        }
        return files;
    }

    /// <summary>An environment file as podman reads it: lines, each cut at its first '='.</summary>
    public static Dictionary<string, string> Environment(ReadFile file) =>
        file.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).ToDictionary(l => l[..l.IndexOf('=', StringComparison.Ordinal)], l => l[(l.IndexOf('=', StringComparison.Ordinal) + 1)..], StringComparer.Ordinal);
}
