"""Zips of one folder, as programs that developers use have written them: packed with zlib, in base 85."""

import base64
import zlib

FILES = {"b.py": b"x = 1\n" * 20, "d/a.py": b"print(1)\n"}

PACKED = {
    # zip -r info-zip.zip .
    "info-zip": (
        "c-jl_W@Zs#U|`^2ShX=PoG-ifBsY*(0mLi}G7L$21(l&8oD9qiAA?gtxU_<sfsus)EDZ#!12%*jJXy8Cnv)>_Xb=}j3~Ues5?}%vl%fw"
        "eMv<E-8_gJ0y=-z1Z8(8!5M~4GO(fuqf}+g45)DI5t^jXFCOKwY{*eG%!3e}l8bK_G?^q$mVmJw85-"
        "tx(Kv@C|Zyh~>G{}3znS<&%WEZu9%}K=TCRR2O%?yP1fb==AZUA@*M|1"
    ),
    # zip -r - . | cat
    "info-zip-stream": (
        "c-jl_W@Zs#-~hr^8}q^$pr8VXSr}v(lJp8HLqj+jm>E6>rz&zYWtUcPGcd9+fTe+8b-"
        ";#DgD0yNSaUK2c(ZfxW!IkMhH4K08q5VY4B221U;-MPqL0tm0IZJU1Y$O@-"
        "b4b<($+Y2M*E_{l_yMKXR*mWwBd#t5a7+oB*%;}9NEb%3=&|A7=d_6BZvj@KP$u{3`c@Y!sSH?C`*9htz#sR26-"
        "5tIS3aayOs^bMN`4%B;s`wD;tPr2Euzl`U6-u093q5$p"
    ),
    # git archive --format=zip HEAD
    "git-archive": (
        "c-jl_W@h1HU|`^2ShX=PoG-ifBsY*(0mLi}oD4~N1(l&8tPG3{AA?g@2W$v6c(Q7NH77#=R2KtS7XuPt0_sZ9hwDLA$R_vDh7-"
        "sJVK%VBL}UvJiZb&`Gz>Ml0=yZS7#MIn3j`S9R-!l(p%uH^AV2_!&43uirKlRw-"
        "HNa?9;`7D)mBzEkQ6fzZUoX(fmnkf*(}k_z&J6@GA%JJH7V7|($Ls4#lp<Q*xV%5$i&#fJk2~Q**Gy30LMr}{{"
    ),
    # git -c core.bigFileThreshold=1 archive --format=zip HEAD
    "git-archive-stream": (
        "c-jl_W@h1H-~hr^8}q^$pr8VXSr|AOlJp8HLqk{@7#ThWr>+jz5Nhyb)dFiyh5&DN4!-Q#liX0X0bo-"
        "=0NE4}U;>(wq7OGC0IPMJK+FbKn22nlw#KP5+7}J3JYfP`$R_vDh8wCnz?+eYfdOF>vSV1lDj0xfzyOLjU|Mmx76Jr-"
        "*bRtL+>UA|vU}K2?92yiOhmPnl?^1t41^nj^mZWDU`RGgG&3+xOtVZ&OiN8lHL^4`woI`wGch(dNi{MtwlGgKPf9jUOa%bzN=RS"
    ),
    # jar cf jar.zip .  (OpenJDK 17)
    "jar": (
        "c-"
        "jl_W@Zs#;Nak3n7FDmmH`QHGO#fCx`sIFdiuHP|2xINz|0Wf&CUUmVuC6Oz^PdTh~b)j9sNArT!TaOeBD0#o;mH~t*dvD*IQTX+?n&6g"
        "AA@1KX_WC=jE&8>3gws6${sl*OD(JXK7{ZSfZAy_AK*L(Z?c2u+6fYH_x;Hnrn_?^Qw(`;m9_#0CAFDLFMXz4WR~4RxPmR1Z(EYu06>O"
        "l&XMg=3-y~dIeoG$YUw`xD96m%O?Vj*VZ_7M*E_{l_yMK<JsgM+Hivd4P-nclL!N9xG*6FDk?w;Vsx#@UKT;oW{V?$kxc-"
        "(9@*chR&R#}6i5db1McuZfG^O{LA3$d>uf0MMHpeB72wSZmSP1$VW4O*BZvn8TK#S7"
    ),
    # java.util.zip.ZipOutputStream
    "java": (
        "c-jl_W@Zs#;Nak3n7pbqmH`Pc0da~xGedwkI|qyp0s%O6uz__X>J?OKYn(cxebL~`6DF{BHo1p3+(1cAyxLiSI0>kEb-"
        ";#DgD0yNSaX6k^JUkb1Zl1SYi48;VL;W+gyddSkfM*S9@!ymC~A%1Zb#RHY(EQ%o<gXD1H4(mhA{)-G$6eWEDHe39xmJ"
    ),
    # Go's archive/zip
    "go": (
        "c-"
        "jl_W@Zs#zy_FrI7L4IEYAUi=zt9@pQu+*sikr1jP^x?D^HkM7#RNl5AbH^V3T`j!w*!z3B<UK04irl0vfO?U_+?ElSTHN95DTS*|jJ6f"
        "U*@}{ftZ^47eSM3P4VVsE65z>=rf@wF+=ApzA@lp9MuvGStlh-mGB5n1OH_kX{Uy1ptYRB*p"
    ),
}


def written():
    """{program: zip}."""
    return {name: zlib.decompress(base64.b85decode(text)) for name, text in PACKED.items()}
