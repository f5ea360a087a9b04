using System.CommandLine;
using System.Globalization;
using Datum.Providers.Host.Loader;

namespace Datum.Providers.Host.Cli;

/// <summary><c>drivers describe</c></summary>
internal static class DriversDescribeCommand
{
    public static Command Create(CliContext context)
    {
        var driver = new Argument<string>("ID|FOLDER") { Description = "A driver's folder, or with --drivers the id of a driver in that volume." };
        var drivers = new Option<string?>("--drivers") { Description = "The driver volume that the id is looked up in.", HelpName = "VOLUME" };
        return new CliCommand("describe", "Shows what a driver is and can, with a Location and a ProviderConfig that it takes. Runs its description, after the loader's checks.",
            new("datum-providers drivers describe simulator --drivers drivers", "By id, from a volume"),
            new("datum-providers drivers describe drivers/podman -o json", "By folder, with the schemas as JSON"))
        {
            driver, drivers,
        }.Does(context, (result, output) =>
        {
            output.Progress("Loading the driver ...");
            output.Result(Describe(Find(result.GetRequiredValue(driver), result.GetValue(drivers))), CliJson.Readable.DriverDescription, Write);
            return ExitCodes.Done;
        });
    }

    private static DriverFolder Find(string driver, string? volume)
    {
        if (volume is null)
            return Directory.Exists(driver)
                ? DriverFinder.Single(driver)
                : throw new CliException($"'{driver}' is no folder. Name a driver's folder, or add --drivers VOLUME to look up the id.");
        List<string> known = [];
        List<DriverRejection> refused = [];
        foreach (var folder in DriverFinder.Find(volume, refused.Add))
            if (IdOf(folder, refused) is { } id)
            {
                if (id == driver)
                    return folder;
                known.Add(id);
            }

        throw new CliException($"The driver volume {Path.GetFullPath(volume)} has no driver with id '{driver}'{(known.Count == 0 ? "" : $"; it has {string.Join(", ", known)}")}."
            + string.Concat(refused.Select(r => $" {r.Message}")));
    }

    private static string? IdOf(DriverFolder folder, List<DriverRejection> refused)
    {
        try
        {
            return DriverVerifier.ReadManifest(folder).Id;
        }
        catch (DriverRejectedException e)
        {
            refused.Add(new DriverRejection { Folder = folder.Path, Phase = e.Phase, Reason = e.Reason, Message = e.Message });
            return null;
        }
    }

    private static DriverDescription Describe(DriverFolder folder)
    {
        try
        {
            var (manifest, descriptor) = DriverTrial.Describe(folder, new DriverVolumeOptions { Path = folder.VolumePath });
            return DriverDescriptions.Of(folder.Path, manifest, descriptor);
        }
        catch (DriverRejectedException e)
        {
            throw new CliException($"{e.Reason}: {e.Message}");
        }
    }

    private static void Write(DriverDescription driver, TextResult text)
    {
        text.Line(new Styled($"{driver.Id} {driver.Version}", Tone.Strong), $" for contract {driver.Contract.Min} to {driver.Contract.Max}");
        Pairs(text,
            ("Folder", driver.Folder), ("Digest", driver.Digest), ("Location key", $"spec.provider.{driver.LocationKey}"),
            ("Ranges", driver.RangeOrder.ToString()), ("Session scope", Words(driver.SessionScope)), ("Talks to", driver.Egress.Count == 0 ? "its endpoint only" : Words(driver.Egress)));

        Head(text, "Kinds");
        text.Table(["KIND", "CREATE CLASS", "WINDOW", "LISTING", "SHARED BY", "TYPICAL CREATE", "DEADLINE", "CALL", "ADOPTABLE", "UPDATES IN PLACE"],
        [
            .. driver.Kinds.Select(k => (Styled[])
            [
                k.Kind.ToString(), k.TokenLife is { } life ? $"{k.CreateClass} ({Seconds(life)})" : k.CreateClass.ToString(), Seconds(k.ConsistencyWindow),
                $"{k.ListQuality}{(k.ListPartition is null ? "" : $" by {k.ListPartition}")}{(k.ListingCarriesFacts ? ", facts" : "")}{(k.ListingCarriesRevision ? ", revision" : "")}",
                k.SharingScope.Count == 0 ? "account" : Words(k.SharingScope), Seconds(k.TypicalCreate), Seconds(k.CreateDeadline), Seconds(k.CallTimeout), YesNo(k.Adoptable), Words(k.UpdatablePaths),
            ]),
        ], "  ");

        Head(text, "Capabilities");
        var can = driver.Capabilities;
        Pairs(text,
            ("Subnets", can.Subnets.ToString()), ("Firewall", can.Firewall.ToString()), ("IP families", can.IpFamilies.ToString()),
            ("Chooses private address", YesNo(can.ChoosesAddress)), ("External address", YesNo(can.ExternalAddress)),
            ("Containers of a sandbox", can.MaxContainers == 0 ? "no sandboxes" : Number(can.MaxContainers)), ("Virtual machines", YesNo(can.VirtualMachines)),
            ("Data disks", Number(can.MaxDataDisks)), ("Interfaces", Number(can.MaxInterfaces)),
            ("User data", UserData(can)),
            ("Secrets", can.Secrets.ToString()), ("Guest health", YesNo(can.GuestHealth)), ("Marks", $"{can.Marks.Style}, {Number(can.Marks.MaxLength)} characters"));

        Head(text, "Abilities");
        text.Line($"  {(driver.Abilities.Count == 0 ? "none" : string.Join(", ", driver.Abilities))}");

        Fields(text, $"Location block (spec.provider.{driver.LocationKey})", driver.Location);
        Fields(text, "ProviderConfig settings (spec.settings)", driver.Settings);
        Head(text, "Credentials");
        text.Table(["KEY", "REQUIRED", "DESCRIPTION"], [.. driver.CredentialKeys.Select(k => (Styled[])[k.Key, YesNo(k.Required), k.Description])], "  ");
        if (driver.CredentialKeys.Count == 0)
            text.Line("  none");

        Head(text, "Example");
        text.Line(driver.Examples.Count > 0 ? YamlText.Of([.. driver.Examples]).TrimEnd('\n') : "  none: a required field takes none of the values that are known here. See the driver's own page.");
    }

    internal static string UserData(Capabilities can) => can.MaxUserDataBytes == 0
        ? "none"
        : $"{Number(can.MaxUserDataBytes)} bytes{(can.UserDataGzip ? ", may be gzip" : "")}{(can.UserDataForms.IsEmpty ? "" : $"; {string.Join(", ", can.UserDataForms)}")}";

    private static void Fields(TextResult text, string head, SchemaDescription schema)
    {
        Head(text, head);
        text.Table(["FIELD", "TYPE", "REQUIRED", "DEFAULT", "RULE", "DESCRIPTION"],
            [.. schema.Fields.Select(f => (Styled[])[f.Path, f.Type, YesNo(f.Required), f.Default ?? "-", f.Rule ?? "-", f.Description ?? ""])], "  ");
        if (schema.Fields.Count == 0)
            text.Line("  no fields");
    }

    private static void Head(TextResult text, string head)
    {
        text.Line();
        text.Line(new Styled(head, Tone.Strong));
    }

    private static void Pairs(TextResult text, params ReadOnlySpan<(string Name, string Value)> pairs)
    {
        var width = 0;
        foreach (var (name, _) in pairs)
            width = Math.Max(width, name.Length);
        foreach (var (name, value) in pairs)
            text.Line("  ", new Styled(name.PadRight(width), Tone.Dim), $"  {value}");
    }

    private static string Words(IReadOnlyList<string> words) => words.Count == 0 ? "-" : string.Join(", ", words);

    private static string YesNo(bool value) => value ? "yes" : "no";

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Seconds(double value) => $"{value.ToString("0.###", CultureInfo.InvariantCulture)} s";
}
