using System.CommandLine;
using Datum.Providers.Host.Loader;

namespace Datum.Providers.Host.Cli;

/// <summary>Result of <c>drivers forgive</c>.</summary>
internal sealed record DriverForgiveResult
{
    public required string Id { get; init; }

    /// <summary>What stood against it; empty when nothing did.</summary>
    public required IReadOnlyList<DriverCrash> Forgiven { get; init; }
}

/// <summary><c>drivers forgive</c></summary>
internal static class DriversForgiveCommand
{
    public static Command Create(CliContext context)
    {
        var driver = new Argument<string>("ID") { Description = "The driver's id." };
        var state = new Option<string>("--state") { Description = "The state folder of the host, as 'run' or 'dev' was told.", HelpName = "FOLDER", Required = true };
        return new CliCommand("forgive", "Takes a driver out of the crash record, so that the next start of the host loads it again.",
            new CliExample("datum-providers drivers forgive simulator --state state", "After its crashes were looked into"))
        {
            driver, state,
        }.Does(context, (result, output) =>
        {
            var files = new CrashFiles(result.GetRequiredValue(state));
            if (!Directory.Exists(files.Folder))
                throw new CliException($"--state '{result.GetRequiredValue(state)}': no host kept anything there ({files.Folder} doesn't exist). Name the folder that the host was started with.");
            output.Result(Forgive(files, result.GetRequiredValue(driver)), CliJson.Readable.DriverForgiveResult, Write);
            return ExitCodes.Done;
        });
    }

    private static DriverForgiveResult Forgive(CrashFiles files, string id)
    {
        try
        {
            var crashes = files.ReadCrashes();
            var forgiven = crashes.Where(c => c.Driver == id).ToList();
            if (forgiven.Count > 0)
                files.Write([.. crashes.Except(forgiven)]);
            return new DriverForgiveResult { Id = id, Forgiven = forgiven };
        }
        catch (FormatException e)
        {
            throw new CliException($"{e.Message} Remove the file: the host ignores it.");
        }
    }

    private static void Write(DriverForgiveResult result, TextResult text)
    {
        if (result.Forgiven.Count == 0)
            text.Line($"Nothing stands against driver {result.Id}.");
        foreach (var crash in result.Forgiven)
            text.Line($"Forgiven: {crash.At:u} {crash.Kind}: {crash.What}");
        if (result.Forgiven.Count > 0)
            text.Line("Restart the host to load it.");
    }
}
