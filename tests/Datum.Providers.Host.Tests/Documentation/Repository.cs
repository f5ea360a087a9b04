namespace Datum.Providers.Host.Tests.Documentation;

/// <summary>Finds and reads the checkout's own files, without build output and state folders.</summary>
internal static class Repository
{
    private static readonly Lazy<string> s_root = new(() =>
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Datum.Providers.sln")))
                return folder.FullName;
        throw new InvalidOperationException($"No Datum.Providers.sln above {AppContext.BaseDirectory}.");
    });

    private static readonly HashSet<string> s_notOurs = new(StringComparer.Ordinal) { "artifacts", ".state", ".git", "bin", "obj", "TestResults", ".vs", ".idea" };

    public static string Root => s_root.Value;

    public static string Path(string relative) => System.IO.Path.Combine(Root, relative);

    public static string Read(string relative) => File.ReadAllText(Path(relative));

    public static string Relative(string path) => System.IO.Path.GetRelativePath(Root, path).Replace(System.IO.Path.DirectorySeparatorChar, '/');

    /// <summary>Full paths of the files below a folder whose names end like that.</summary>
    public static IEnumerable<string> Files(string folder = ".", string ending = "")
    {
        Stack<string> open = new([System.IO.Path.GetFullPath(Path(folder))]);
        while (open.TryPop(out var directory))
        {
            foreach (var file in Directory.EnumerateFiles(directory))
                if (file.EndsWith(ending, StringComparison.Ordinal))
                    yield return file;
            foreach (var inner in Directory.EnumerateDirectories(directory))
                if (!s_notOurs.Contains(System.IO.Path.GetFileName(inner)))
                    open.Push(inner);
        }
    }

    /// <summary>The C# source below a folder of <c>src</c>, one text a file.</summary>
    public static IEnumerable<string> Source(string folder = "src") => Files(folder, ".cs").Select(File.ReadAllText);
}
