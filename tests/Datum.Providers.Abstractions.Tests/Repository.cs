namespace Datum.Providers.Abstractions.Tests;

/// <summary>Finds files of the repository from wherever the tests run.</summary>
internal static class Repository
{
    private static readonly Lazy<string> _root = new(() =>
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Datum.Providers.sln")))
                return folder.FullName;
        throw new InvalidOperationException($"No Datum.Providers.sln above {AppContext.BaseDirectory}.");
    });

    public static string Path(params ReadOnlySpan<string> parts) => System.IO.Path.Combine([_root.Value, .. parts]);

    /// <summary>Every C# file under a folder, without build output.</summary>
    public static IEnumerable<string> SourceFiles(params ReadOnlySpan<string> folder)
    {
        var separator = System.IO.Path.DirectorySeparatorChar;
        return Directory.EnumerateFiles(Path(folder), "*.cs", SearchOption.AllDirectories)
            .Where(f => !f.Contains($"{separator}obj{separator}", StringComparison.Ordinal) && !f.Contains($"{separator}bin{separator}", StringComparison.Ordinal));
    }
}
