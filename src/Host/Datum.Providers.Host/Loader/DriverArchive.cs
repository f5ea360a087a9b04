using System.Formats.Tar;
using System.IO.Compression;

namespace Datum.Providers.Host.Loader;

/// <summary>A driver folder as <c>.tar.gz</c>: the same folder gives the same bytes, whoever packs it and when.</summary>
internal static class DriverArchive
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    /// <summary>Writes <c>ID-VERSION.tar.gz</c> beside the folder and returns its path. Its entries begin with the driver's id.</summary>
    public static string Write(PackedDriver driver)
    {
        var id = driver.Manifest.Id;
        var path = Path.Combine(Path.GetDirectoryName(driver.Folder)!, $"{id}-{driver.Manifest.Version}.tar.gz");
        var fresh = path + ".new";
        using (var zip = new GZipStream(File.Create(fresh), CompressionLevel.SmallestSize))
        using (var tar = new TarWriter(zip, TarEntryFormat.Pax))
            foreach (var file in driver.Manifest.Files.Keys.Append(DriverFinder.ManifestName)
                .Concat(driver.SignedBy is null ? [] : [DriverSignature.FileName]).Order(StringComparer.Ordinal))
            {
                using var content = File.OpenRead(Path.Combine(driver.Folder, file));
                // Owner, group and times are nobody's and none, or the bytes would tell who packed and when.
                tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, $"{id}/{file}") { DataStream = content, Mode = Mode, ModificationTime = DateTimeOffset.UnixEpoch });
            }

        File.Move(fresh, path, overwrite: true);
        return path;
    }
}
