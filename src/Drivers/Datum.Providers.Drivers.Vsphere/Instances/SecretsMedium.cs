using System.Globalization;
using Datum.Providers.Drivers.Vsphere.Vim;

namespace Datum.Providers.Drivers.Vsphere.Instances;

/// <summary>
/// The medium with an instance's secrets: a file in the machine's own folder, noted beside the machine (<see cref="Machine.SecretsKey"/>) and in the
/// ledger from before it is written until it is known to be gone.
/// </summary>
internal sealed record SecretsMedium(bool Taken, DatastoreFile File)
{
    /// <summary>Where the ledger notes the file: a machine that a person destroyed leaves it behind.</summary>
    public const string Resolved = "secretsFile";

    /// <summary>Where the ledger notes which file is known to be gone.</summary>
    public const string Gone = "secretsGone";

    private const string WantedWord = "wanted";
    private const string TakenWord = "taken";

    /// <summary>The mark is in the name, for whoever finds a file without its machine.</summary>
    public static string FileName(Mark mark) => string.Create(CultureInfo.InvariantCulture, $"datum-{mark.Installation}-{ResourceNames.Prefix(mark.Kind)}-{mark.Name}-{mark.Incarnation}.iso");

    /// <summary>Beside the machine's other files.</summary>
    public static SecretsMedium Of(Identity id, Machine item, string datacenter) => new(false, new DatastoreFile(datacenter, $"{item.Folder}/{FileName(Marks.For(id))}"));

    public static SecretsMedium? Read(string? text) => text?.Split(' ', 2) is [WantedWord or TakenWord, var rest] && DatastoreFile.Read(rest) is { } file
        ? new SecretsMedium(text.StartsWith(TakenWord, StringComparison.Ordinal), file) : null;

    public string Write() => $"{(Taken ? TakenWord : WantedWord)} {File.Write()}";

    /// <summary>What the guest's unit looks for: a volume of the label, with the document.</summary>
    public static byte[] Image(GuestOptions options, ReadOnlyMemory<byte> document) => IsoImage.Write(options.SecretsLabel, [("secrets.tar", document)]);
}
