namespace Datum.Providers.Kubernetes;

/// <summary>A kubeconfig that can't be used: names the file, the field and what to do.</summary>
public sealed class KubeConfigException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A context of one or more kubeconfig files.</summary>
public sealed record KubeContext
{
    public required string Name { get; init; }
    public string? Cluster { get; init; }
    public string? User { get; init; }
    public string? Namespace { get; init; }
    /// <summary>It is used when no other is named.</summary>
    public required bool IsCurrent { get; init; }
    /// <summary>The file that it stands in.</summary>
    public required string File { get; init; }
}

/// <summary>
/// Finds out how to reach a server, as kubectl does. Fields that we don't know are ignored; what is known and can't be used
/// is refused with file, field and remedy.
/// </summary>
public static class KubeConfig
{
    /// <summary>The connection of a context of one file. <paramref name="context"/> defaults to the file's current-context.</summary>
    /// <exception cref="KubeConfigException">The file is unreadable, incomplete or asks for something unsupported.</exception>
    public static KubernetesConnection Load(string path, string? context = null) => KubeConfigSet.Of([path]).Connect(context, KubeEnvironment.Process);

    /// <summary>
    /// The connection of a context of several files, merged by kubectl's rules: the first file that has an entry of a name, or a
    /// current-context, wins. A relative path counts from the folder of the file that it stands in.
    /// </summary>
    /// <exception cref="KubeConfigException">A file is unreadable or the context can't be used.</exception>
    public static KubernetesConnection Load(IReadOnlyList<string> paths, string? context = null) => KubeConfigSet.Of(paths).Connect(context, KubeEnvironment.Process);

    /// <summary>
    /// The one entry point of a program that isn't told everything. The first of these that there is: <paramref name="path"/>;
    /// the files of KUBECONFIG (separated as PATH is; those that don't exist are skipped); the service account of the pod that
    /// we run in, unless a context is asked for; <c>~/.kube/config</c>.
    /// </summary>
    /// <exception cref="KubeConfigException">None of them is there, or the one that is can't be used.</exception>
    public static KubernetesConnection Find(string? path = null, string? context = null, KubeEnvironment? environment = null)
    {
        environment ??= KubeEnvironment.Process;
        var files = FilesOf(path, environment);
        if (files is null && context is null && InClusterConfiguration.IsPossible(environment))
            return InClusterConfiguration.Connect(environment);
        return KubeConfigSet.Of(files ?? [HomeFile(environment, context)]).Connect(context, environment);
    }

    /// <summary>The contexts that <see cref="Find"/> chooses from, by name; empty in a pod without a kubeconfig.</summary>
    /// <exception cref="KubeConfigException">A file is unreadable.</exception>
    public static IReadOnlyList<KubeContext> Contexts(string? path = null, KubeEnvironment? environment = null)
    {
        environment ??= KubeEnvironment.Process;
        if (FilesOf(path, environment) is { } files)
            return KubeConfigSet.Of(files).Contexts();
        var home = Path.Combine(environment.Home, ".kube", "config");
        return File.Exists(home) ? KubeConfigSet.Of([home]).Contexts() : [];
    }

    /// <summary>The connection of the service account of the pod that we run in. Its token and authority rotate; both are read again.</summary>
    /// <exception cref="KubeConfigException">This isn't a pod, or it has no service account.</exception>
    public static KubernetesConnection InCluster(KubeEnvironment? environment = null) => InClusterConfiguration.Connect(environment ?? KubeEnvironment.Process);

    private static IReadOnlyList<string>? FilesOf(string? path, KubeEnvironment environment)
    {
        if (path is not null)
            return [path];
        if (environment.Text("KUBECONFIG") is not { } named)
            return null;
        var all = named.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Distinct(StringComparer.Ordinal).ToList();
        var there = all.Where(File.Exists).ToList();
        return there.Count > 0 ? there : throw new KubeConfigException($"KUBECONFIG={named}: none of these files exists. Correct it, unset it, or name a kubeconfig explicitly.");
    }

    private static string HomeFile(KubeEnvironment environment, string? context)
    {
        var file = Path.Combine(environment.Home, ".kube", "config");
        if (File.Exists(file))
            return file;
        throw new KubeConfigException($"There is no kubeconfig{(context is null ? "" : $" with the context '{context}'")}: KUBECONFIG isn't set, {file} doesn't exist and "
            + $"this isn't a pod with a service account ({environment.ServiceAccountFolder}). Name a kubeconfig explicitly or set KUBECONFIG.");
    }
}
