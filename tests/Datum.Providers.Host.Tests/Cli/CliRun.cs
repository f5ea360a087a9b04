using System.Reflection;
using System.Text;
using Datum.Providers.Host.Cli;

namespace Datum.Providers.Host.Tests.Cli;

/// <summary>A run of the program inside the test: what it wrote where, and its exit code.</summary>
internal sealed record CliRun(int Exit, string Out, string Error)
{
    public const char Escape = '\u001b';

    public static string Program { get; } = Metadata("HostProgram");

    /// <summary>The volume that the build packs our drivers into.</summary>
    public static string DriverVolume { get; } = Metadata("DriverVolume");

    /// <summary>The folder that the build writes a project's files to.</summary>
    public static string ProjectOutput(string project) => Path.Combine(Metadata("ProjectOutputs"), project, Path.GetFileName(Path.GetDirectoryName(Program))!);

    public static Task<CliRun> Async(params string[] args) => Async(new CliSeat(), args);

    public static async Task<CliRun> Async(CliSeat seat, params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var exit = await CliProgram.RunAsync(args, new CliTerminal
        {
            Out = output, Error = error, OpenInput = () => new MemoryStream(Encoding.UTF8.GetBytes(seat.Input)),
            OutIsTerminal = seat.IsTerminal, ErrorIsTerminal = seat.IsTerminal, Variable = name => seat.Variables.GetValueOrDefault(name),
        });
        return new CliRun(exit, output.ToString(), error.ToString());
    }

    private static string Metadata(string key) => typeof(CliRun).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == key).Value!;
}

/// <summary>Who sits before the program.</summary>
internal sealed record CliSeat
{
    public string Input { get; init; } = "";

    public bool IsTerminal { get; init; }

    public Dictionary<string, string> Variables { get; init; } = [];
}

/// <summary>A folder that is gone after the test.</summary>
internal sealed class ScratchFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("datum-cli-").FullName;

    public string File(string name, string text)
    {
        var path = System.IO.Path.Combine(Path, name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        System.IO.File.WriteAllText(path, text);
        return path;
    }

    public string At(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
