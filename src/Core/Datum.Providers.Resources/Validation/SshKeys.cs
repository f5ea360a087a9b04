using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace Datum.Providers.Resources.Validation;

/// <summary>Reads public keys as they stand in authorized_keys (RFC 4253, 5656, 8709; PROTOCOL.u2f of OpenSSH).</summary>
public static class SshKeys
{
    private const int MaxRsaBits = 16384;
    private const int MinRsaBits = 1024;

    private static readonly Dictionary<string, (string Name, ECCurve Curve, int Bytes)> s_curves = new(StringComparer.Ordinal)
    {
        ["ecdsa-sha2-nistp256"] = ("nistp256", ECCurve.NamedCurves.nistP256, 32),
        ["ecdsa-sha2-nistp384"] = ("nistp384", ECCurve.NamedCurves.nistP384, 48),
        ["ecdsa-sha2-nistp521"] = ("nistp521", ECCurve.NamedCurves.nistP521, 66),
        ["sk-ecdsa-sha2-nistp256@openssh.com"] = ("nistp256", ECCurve.NamedCurves.nistP256, 32),
    };

    /// <summary>Whether a text is <c>TYPE BASE64 [COMMENT]</c>. The error says what is wrong and never quotes the text: it may be a private key.</summary>
    public static bool TryParse(string text, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(text);
        error = Fault(text);
        return error is null;
    }

    private static string? Fault(string text)
    {
        if (text.Contains("PRIVATE KEY", StringComparison.Ordinal))
            return "a private key; write the public one (the file that ends with .pub), and make a new pair";
        var words = text.Split([' ', '\t'], 3, StringSplitOptions.RemoveEmptyEntries);
        if (words.Length < 2)
            return "no key: its type and its base64 must stand there, as in a file that ends with .pub";
        var type = words[0];
        if (type is "ssh-dss")
            return "a DSA key, which SSH servers don't take any more; use ed25519";
        if (type.EndsWith("-cert-v01@openssh.com", StringComparison.Ordinal))
            return "a certificate; write the public key";
        if (type is not ("ssh-ed25519" or "ssh-rsa" or "sk-ssh-ed25519@openssh.com") && !s_curves.ContainsKey(type))
            return "no type of key at its begin; ssh-ed25519, ssh-rsa, ecdsa-sha2-nistp256, -384, -521, sk-ssh-ed25519@openssh.com and sk-ecdsa-sha2-nistp256@openssh.com are known, options before them aren't taken";
        byte[] blob;
        try
        {
            blob = Convert.FromBase64String(words[1]);
        }
        catch (FormatException)
        {
            return $"of type {type}, and what follows isn't base64";
        }

        return Body(type, blob);
    }

    private static string? Body(string type, byte[] blob)
    {
        ReadOnlySpan<byte> rest = blob;
        if (!Take(ref rest, out var name))
            return Cut(type);
        if (!name.SequenceEqual(Encoding.ASCII.GetBytes(type)))
            return $"of type {type} by its first word, and of another by its content; copy it again";
        var fault = type switch
        {
            "ssh-rsa" => Rsa(ref rest),
            "ssh-ed25519" or "sk-ssh-ed25519@openssh.com" => !Take(ref rest, out var point) ? Cut(type) : point.Length == 32 ? null : $"of type {type} with {point.Length} bytes; 32 are needed",
            _ => Curve(type, ref rest),
        };
        if (fault is null && type.StartsWith("sk-", StringComparison.Ordinal) && !Take(ref rest, out _))
            fault = Cut(type);
        return fault ?? (rest.IsEmpty ? null : $"of type {type} with {rest.Length} bytes too many; copy it again");
    }

    private static string? Rsa(ref ReadOnlySpan<byte> rest)
    {
        if (!Take(ref rest, out var exponent) || !Take(ref rest, out var modulus))
            return Cut("ssh-rsa");
        exponent = exponent.TrimStart((byte)0);
        modulus = modulus.TrimStart((byte)0);
        if (exponent.Length is 0 or > 8 || (exponent[^1] & 1) == 0 || (exponent.Length == 1 && exponent[0] < 3))
            return "an RSA key whose exponent isn't odd and 3 or more";
        var bits = modulus.IsEmpty ? 0 : (modulus.Length * 8) - int.LeadingZeroCount(modulus[0]) + 24;
        return bits is >= MinRsaBits and <= MaxRsaBits ? null : $"an RSA key of {bits} bits; {MinRsaBits} to {MaxRsaBits} are taken";
    }

    private static string? Curve(string type, ref ReadOnlySpan<byte> rest)
    {
        var (name, curve, bytes) = s_curves[type];
        if (!Take(ref rest, out var said) || !Take(ref rest, out var point))
            return Cut(type);
        if (!said.SequenceEqual(Encoding.ASCII.GetBytes(name)) || point.Length != 1 + (2 * bytes) || point[0] != 4)
            return $"of type {type} with a point that isn't one of {name}";
        try
        {
            using var key = ECDsa.Create(new ECParameters { Curve = curve, Q = new ECPoint { X = point[1..(1 + bytes)].ToArray(), Y = point[(1 + bytes)..].ToArray() } });
            return null;
        }
        catch (CryptographicException)
        {
            return $"of type {type} with a point that isn't on {name}";
        }
    }

    private static string Cut(string type) => $"of type {type}, and cut off; copy it again";

    private static bool Take(ref ReadOnlySpan<byte> rest, out ReadOnlySpan<byte> field)
    {
        field = default;
        if (rest.Length < 4 || BinaryPrimitives.ReadUInt32BigEndian(rest) is var length && length > (uint)(rest.Length - 4))
            return false;
        field = rest.Slice(4, (int)length);
        rest = rest[(4 + (int)length)..];
        return true;
    }
}
