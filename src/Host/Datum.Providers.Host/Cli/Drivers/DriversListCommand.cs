using System.CommandLine;
using Datum.Providers.Host.Loader;
using Microsoft.Extensions.Logging.Abstractions;

namespace Datum.Providers.Host.Cli;

/// <summary><c>drivers list</c></summary>
internal static class DriversListCommand
{
    private const int ShortDigest = 12;

    public static Command Create(CliContext context)
    {
        var drivers = PlaneOptions.Drivers();
        var trusted = PlaneOptions.TrustedDigests();
        var keys = PlaneOptions.DriverKeys();
        return new CliCommand("list", "Loads the drivers of a volume and says what was found. Exit code 1 when one was rejected.",
            new("datum-providers drivers list --drivers drivers", "What would be loaded, and what not and why"),
            new("datum-providers drivers list --drivers drivers -o json", "The same for a script"))
        {
            drivers, trusted, keys,
        }.Does(context, (result, output) =>
        {
            output.Progress("Loading the drivers ...");
            var catalog = DriverCatalog.Load(new DriverVolumeOptions { Path = result.GetRequiredValue(drivers), TrustedDigests = PlaneOptions.Set(result.GetValue(trusted)), Keys = PlaneOptions.Keys(result.GetValue(keys)) }, NullLoggerFactory.Instance, TimeProvider.System);
            output.Result(DriverInventory.Of(catalog), CliJson.Readable.DriverListResult, Write);
            if (catalog.Drivers.Count + catalog.Rejections.Count == 0)
                output.Warning($"{Path.GetFullPath(result.GetRequiredValue(drivers))} holds no driver folder.");
            return catalog.Rejections.Count == 0 ? ExitCodes.Done : ExitCodes.Failed;
        });
    }

    private static void Write(DriverListResult result, TextResult text)
    {
        text.Table(["ID", "VERSION", "STATE", "LOCATION KEY", "DIGEST"],
        [
            .. result.Drivers.Select(d => (Styled[])
            [
                d.Id ?? Path.GetFileName(d.Folder), d.Version ?? "-", new(d.State, d.Reason is null ? Tone.Good : Tone.Bad), d.LocationKey is null ? "-" : $"provider.{d.LocationKey}", d.Digest?[..ShortDigest] ?? "-",
            ]),
        ]);
        foreach (var driver in result.Drivers.Where(d => d.SignedBy is not null))
            text.Line($"{driver.Id}: signed by {driver.SignedBy}");
        foreach (var driver in result.Drivers.Where(d => d.Reason is null && d.Message is not null))
            text.Line($"{driver.Id}: ", new Styled(driver.Message!, Tone.Warning));
        foreach (var rejected in result.Drivers.Where(d => d.Reason is not null))
            text.Line(rejected.Id ?? Path.GetFileName(rejected.Folder), ": ", new($"{rejected.Reason}", Tone.Bad), $": {rejected.Message}");
    }
}
