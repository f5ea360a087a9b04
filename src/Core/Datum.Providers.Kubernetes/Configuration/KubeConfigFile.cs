using System.Text;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Datum.Providers.Kubernetes;

/// <summary>A cluster, user or context as it stands in a file.</summary>
internal sealed record KubeConfigEntry(KubeConfigFile File, string List, string Name, YamlMappingNode Body)
{
    /// <summary>How the entry is named in errors, e.g. <c>users[dev]</c>.</summary>
    public string Field { get; init; } = $"{List}[{Name}]";

    public string? Text(string key) => File.Text(Body, key, $"{Field}.{key}");

    public bool Flag(string key) => Text(key) switch
    {
        null or "false" => false,
        "true" => true,
        _ => throw Error(key, "must be true or false"),
    };

    public YamlNode? Node(string key) => KubeConfigFile.Get(Body, key);

    public KubeConfigException Error(string key, string problem) => File.Error($"{Field}.{key}", problem);
}

/// <summary>One kubeconfig file: its entries by name, and readers whose errors name file and field, never a value that may be secret.</summary>
internal sealed class KubeConfigFile
{
    private const int MaxBytes = 1 << 20;

    private KubeConfigFile(string path)
    {
        Path = path;
    }

    public string Path { get; }

    public string? CurrentContext { get; private set; }

    public Dictionary<string, KubeConfigEntry> Clusters { get; private init; } = new(StringComparer.Ordinal);

    public Dictionary<string, KubeConfigEntry> Users { get; private init; } = new(StringComparer.Ordinal);

    public Dictionary<string, KubeConfigEntry> Contexts { get; private init; } = new(StringComparer.Ordinal);

    public static KubeConfigFile Read(string path)
    {
        byte[] bytes;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > MaxBytes } info)
                throw new KubeConfigException($"{path}: {info.Length} bytes are too many for a kubeconfig; the limit is {MaxBytes}.");
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new KubeConfigException($"{path}: the kubeconfig can't be read ({error.Message}). Pass the path of a readable file.", error);
        }
        var file = new KubeConfigFile(path);
        if (ReadRoot(bytes, path) is not { } root)
            return file;
        file.CurrentContext = file.Text(root, "current-context", "current-context");
        file.Collect(root, "clusters", "cluster", file.Clusters);
        file.Collect(root, "users", "user", file.Users);
        file.Collect(root, "contexts", "context", file.Contexts);
        return file;
    }

    public KubeConfigException Error(string field, string problem) => new($"{Path}: {field}: {problem}.");

    public string? Text(YamlMappingNode node, string key, string field) => Get(node, key) switch
    {
        null => null,
        YamlScalarNode { Value: { Length: > 0 } value } scalar when scalar.Style != ScalarStyle.Plain || value is not ("null" or "~") => value,
        YamlScalarNode => null,
        _ => throw Error(field, "must be a string"),
    };

    /// <summary>A list of strings; empty where there is none.</summary>
    public IReadOnlyList<string> Texts(YamlMappingNode node, string key, string field) => Get(node, key) switch
    {
        null or YamlScalarNode { Value: null or "" or "null" or "~" } => [],
        YamlSequenceNode items when items.Children.All(i => i is YamlScalarNode) => [.. items.Children.Select(i => ((YamlScalarNode)i).Value ?? "")],
        _ => throw Error(field, "must be a list of strings"),
    };

    /// <summary>Relative paths count from the folder of the file that they stand in.</summary>
    public string Beside(string name) => System.IO.Path.GetFullPath(name, System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!);

    public static YamlNode? Get(YamlMappingNode node, string key) => node.Children.TryGetValue(new YamlScalarNode(key), out var value) ? value : null;

    private static YamlMappingNode? ReadRoot(byte[] yaml, string path)
    {
        try
        {
            var stream = new YamlStream();
            stream.Load(new StreamReader(new MemoryStream(yaml), Encoding.UTF8));
            // An empty file is an empty configuration, as kubectl has it: merging may fill it.
            if (stream.Documents.Count == 0)
                return null;
            return stream.Documents.Count == 1 && stream.Documents[0].RootNode is YamlMappingNode root
                ? root : throw new KubeConfigException($"{path}: is not a kubeconfig (one YAML mapping); pass another file.");
        }
        catch (YamlException error)
        {
            // The parser's own message may quote a secret.
            throw new KubeConfigException($"{path}: is not valid YAML at line {error.Start.Line}, column {error.Start.Column}.");
        }
    }

    private void Collect(YamlMappingNode root, string list, string body, Dictionary<string, KubeConfigEntry> into)
    {
        switch (Get(root, list))
        {
            case null or YamlScalarNode { Value: null or "" or "null" or "~" }:
                return;
            case YamlSequenceNode entries:
                for (var i = 0; i < entries.Children.Count; i++)
                {
                    if (entries.Children[i] is not YamlMappingNode entry)
                        throw Error($"{list}[{i}]", $"must be a mapping with name and {body}");
                    var name = Text(entry, "name", $"{list}[{i}].name") ?? throw Error($"{list}[{i}].name", "is missing; give the entry a name");
                    var value = Get(entry, body) switch
                    {
                        YamlMappingNode mapping => mapping,
                        null or YamlScalarNode { Value: null or "" or "null" or "~" } => new YamlMappingNode(),
                        _ => throw Error($"{list}[{name}].{body}", "must be a mapping"),
                    };
                    if (!into.TryAdd(name, new KubeConfigEntry(this, list, name, value)))
                        throw Error($"{list}[{name}]", "stands twice in this file; rename or remove one of them");
                }
                return;
            default:
                throw Error(list, $"must be a list of entries with name and {body}");
        }
    }
}
