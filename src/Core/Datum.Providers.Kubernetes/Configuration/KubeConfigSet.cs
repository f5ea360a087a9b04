namespace Datum.Providers.Kubernetes;

/// <summary>Several kubeconfig files as one: of each cluster, user, context and of current-context the first wins, whole.</summary>
internal sealed class KubeConfigSet
{
    private readonly IReadOnlyList<KubeConfigFile> _files;

    private KubeConfigSet(IReadOnlyList<KubeConfigFile> files)
    {
        _files = files;
    }

    /// <summary>What errors call the whole: the file, or all of them.</summary>
    private string Where => string.Join(Path.PathSeparator, _files.Select(f => f.Path));

    private string? CurrentContext => _files.Select(f => f.CurrentContext).FirstOrDefault(c => c is not null);

    public static KubeConfigSet Of(IReadOnlyList<string> paths) =>
        paths.Count > 0 ? new([.. paths.Select(KubeConfigFile.Read)]) : throw new KubeConfigException("No kubeconfig was named. Name at least one file.");

    public IReadOnlyList<KubeContext> Contexts() =>
    [
        .. All(f => f.Contexts).Values.OrderBy(c => c.Name, StringComparer.Ordinal).Select(c => new KubeContext
        {
            Name = c.Name,
            Cluster = c.Text("cluster"),
            User = c.Text("user"),
            Namespace = c.Text("namespace"),
            IsCurrent = c.Name == CurrentContext,
            File = c.File.Path,
        }),
    ];

    public KubernetesConnection Connect(string? context, KubeEnvironment environment)
    {
        var contexts = All(f => f.Contexts);
        context ??= CurrentContext
            ?? throw new KubeConfigException($"{Where}: current-context: is not set; name a context ({Names(contexts)}) or set it with `kubectl config use-context NAME`.");
        var chosen = contexts.GetValueOrDefault(context)
            ?? throw new KubeConfigException($"{Where}: contexts[{context}]: doesn't exist; name one of those that do ({Names(contexts)}).");
        var clusterName = chosen.Text("cluster") ?? throw chosen.Error("cluster", "is missing; name a cluster");
        var clusters = All(f => f.Clusters);
        var cluster = clusters.GetValueOrDefault(clusterName)
            ?? throw new KubeConfigException($"{Where}: clusters[{clusterName}]: doesn't exist, but contexts[{context}] in {chosen.File.Path} names it; add it or name one of those that do ({Names(clusters)}).");
        KubeConfigEntry? user = null;
        if (chosen.Text("user") is { } userName)
        {
            var users = All(f => f.Users);
            user = users.GetValueOrDefault(userName)
                ?? throw new KubeConfigException($"{Where}: users[{userName}]: doesn't exist, but contexts[{context}] in {chosen.File.Path} names it; add it or name one of those that do ({Names(users)}).");
        }
        return ConnectionBuilder.Build(chosen, cluster, user, environment);
    }

    private static string Names(Dictionary<string, KubeConfigEntry> entries) =>
        entries.Count == 0 ? "there is none" : string.Join(", ", entries.Keys.Order(StringComparer.Ordinal));

    private Dictionary<string, KubeConfigEntry> All(Func<KubeConfigFile, Dictionary<string, KubeConfigEntry>> list)
    {
        var all = new Dictionary<string, KubeConfigEntry>(StringComparer.Ordinal);
        foreach (var (name, entry) in _files.SelectMany(f => list(f)))
            all.TryAdd(name, entry);
        return all;
    }
}
