using System.Buffers.Text;
using System.Globalization;
using System.IO.Compression;

namespace Datum.Providers.Sdk;

/// <summary>gzip, base64 and the size, which is checked before anything is created.</summary>
internal static class UserDataEncoding
{
    public static byte[] Encode(byte[] data, GuestOptions options)
    {
        if (options.Gzip)
        {
            using var packed = new MemoryStream();
            // .NET writes neither time nor name into the header: equal input gives equal bytes.
            using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
                gzip.Write(data);
            data = packed.ToArray();
        }
        if (!options.Base64)
            return data;
        var text = new byte[Base64.GetMaxEncodedToUtf8Length(data.Length)];
        Base64.EncodeToUtf8(data, text, out _, out var written);
        return text[..written];
    }

    public static void CheckSize(GuestPlan plan, int size)
    {
        var most = plan.Options.MaxUserDataBytes;
        if (size <= most)
            return;
        if (most == 0)
        {
            plan.Refuse("", "This platform has no user data, and the guest can't be set up without.", "maxUserDataBytes");
            return;
        }
        var whole = plan.Files.Sum(f => (long)f.Content.Length) + plan.Units.Sum(u => (long)u.Content.Length);
        var largest = plan.Weights.Append(new(GuestPlan.Own, whole - plan.Weights.Values.Sum()))
            .OrderByDescending(s => s.Value).ThenBy(s => s.Key, StringComparer.Ordinal).Take(3)
            .Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Key} ({s.Value})"));
        plan.Refuse("", string.Create(CultureInfo.InvariantCulture,
            $"The user data has {size} bytes{(plan.Options.Gzip ? " after gzip" : "")} and the platform takes {most}. The largest parts in bytes: {string.Join(", ", largest)}. Put large contents on a disk or into the image."),
            "maxUserDataBytes");
    }
}
